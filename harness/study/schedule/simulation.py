"""A rule's schedule over recorded telemetry: each attack that the rule should fire on, played many times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import InvalidInput, NothingSelected, Position, RuleNotRunnable
from harness.judge.blame import limited
from harness.judge.lint import require
from harness.judge.loading import load
from harness.kql.engine import QueryFailed
from harness.kql.engine_choice import new_workspace
from harness.kql.limits import Limits
from harness.kql.workspace import Workspace
from harness.model.expectation import Expectation
from harness.model.manifest import Detonation
from harness.model.rule import Rule
from harness.model.schedule_result import Assumptions, AtomicSchedule, ScheduleResult
from harness.model.spread import Spread
from harness.recording import Recording, canaries, copies, open_recording
from harness.study.schedule.advice import weaknesses
from harness.study.schedule.ingestion import Event
from harness.study.schedule.play import Attack, Played, Trial, play
from harness.telemetry.schema import ARRIVED, SENSOR_OF

_Play = tuple[Expectation, Played, int]  # the int: how many events the attack left


def simulate(
    expectations: Sequence[Expectation],
    recordings: Sequence[Path],
    trial: Trial,
    *,
    limits: Limits = Limits(),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ScheduleResult:
    """Play each recorded attack on which the rule of these expectations must fire, without known gaps and variants.

    Raises InvalidInput for a rule that does not say when it runs, NothingSelected, RuleNotRunnable, LimitMet.
    """
    opened = _originals(recordings)
    attacks = _attacks(opened, expectations)
    require([e for _, e, _ in attacks], limits=limits)
    workspaces: dict[Path, Workspace] = {}
    rule = expectations[0].rule
    played: dict[str, list[_Play]] = {}
    for done, (recording, expectation, detonation) in enumerate(attacks):
        progress(done, len(attacks))
        if recording.path not in workspaces:
            workspaces[recording.path] = _workspace(recording, limits)
        workspace = workspaces[recording.path]
        played.setdefault(expectation.atomic, []).append(_played(recording, expectation, detonation, trial, workspace))
    idle_alert = any(outcome.idle_alert for plays in played.values() for _, outcome, _ in plays)
    atomics = [_summary(plays) for plays in played.values()]
    return ScheduleResult(
        rule=rule.id,
        path=str(rule.path),
        schedule=rule.schedule(),
        assumptions=_assumptions(trial),
        recordings=[str(recording.path) for recording in opened],
        atomics=atomics,
        idle_alert=idle_alert,
        findings=weaknesses(rule, rule.schedule(), atomics, idle_alert),
        max_missed=trial.max_missed,
        passed=all(atomic.missed_share <= trial.max_missed for atomic in atomics),
    )


def _played(
    recording: Recording, expectation: Expectation, detonation: Detonation, trial: Trial, workspace: Workspace
) -> _Play:
    """The draws of one attack, and how many events it left. Raises RuleNotRunnable, LimitMet."""
    measured = trial.ingestion.delay.draw is None
    try:
        with limited([expectation]):
            attack = _attack(recording, expectation.rule, detonation, workspace, measured=measured)
            return expectation, play(attack, expectation.rule, trial, workspace), len(attack.events)
    except QueryFailed as error:
        raise RuleNotRunnable(f"the rule can't be run at many times at once: {error.message}") from None


def _originals(recordings: Sequence[Path]) -> list[Recording]:
    """The recordings, without copies of one another."""
    opened = [open_recording(path) for path in recordings]
    copied = copies([canaries(recording.manifest) for recording in opened])
    return [recording for place, recording in enumerate(opened) if place not in copied]


def _attacks(
    recordings: Sequence[Recording], expectations: Sequence[Expectation]
) -> list[tuple[Recording, Expectation, Detonation]]:
    """The attacks on which the rule is expected to fire. Raises NothingSelected where there are none."""
    expected = [e for e in expectations if e.entry.fires and not e.entry.known_gap]
    attacks = [(recording, e, d) for recording in recordings for e in expected if (d := _detonation(recording, e))]
    if not attacks:
        path = expectations[0].source.path
        raise NothingSelected(f"no recording holds an atomic that {path} expects the rule to fire on")
    return attacks


def _detonation(recording: Recording, expectation: Expectation) -> Detonation | None:
    return next((d for d in recording.manifest.detonations if d.atomic == expectation.atomic and d.executed), None)


def _workspace(recording: Recording, limits: Limits) -> Workspace:
    workspace = new_workspace(recording.manifest.finished, limits)
    load(workspace, recording)
    return workspace


def _attack(
    recording: Recording, rule: Rule, detonation: Detonation, workspace: Workspace, *, measured: bool
) -> Attack:
    """The attack's events in the tables that the rule reads.

    Raises InvalidInput where delays are to be `measured` and the recording has none.
    """
    assert detonation.attack is not None  # _detonation selects executed ones
    started = detonation.attack.started.timestamp()
    events = []
    for table in sorted(workspace.tables(rule.query)):
        for number, row in workspace.numbered(table, detonation.atomic).items():
            generated = _epoch(row["TimeGenerated"])
            arrived = row[ARRIVED]
            delay = None if arrived is None else max(0.0, arrived - generated)
            if delay is None and measured:
                hint = "Name a distribution with --delay."
                at = Position(recording.path)
                raise InvalidInput("it does not say when its records arrived", at=at, hint=hint)
            events.append(Event(number, SENSOR_OF[table], generated - started, delay))
    return Attack(detonation.atomic, detonation.attack.started, tuple(events))


def _epoch(value: datetime) -> float:
    return value.replace(tzinfo=UTC).timestamp()


def _summary(played: list[_Play]) -> AtomicSchedule:
    """All draws of one atomic, over all recordings that have it."""
    expectation = played[0][0]
    draws = [draw for _, outcome, _ in played for draw in outcome.draws]
    alerted = [draw.alerts for draw in draws if draw.alerts]
    return AtomicSchedule(
        atomic=expectation.atomic,
        at=str(expectation.at()),
        fires_at_once=all(outcome.fires_at_once for _, outcome, _ in played),
        draws=len(draws),
        missed=len(draws) - len(alerted),
        missed_by_loss=sum(not draw.alerts and draw.lost > 0 for draw in draws),
        first_alert=Spread.of(alerts[0][0] for alerts in alerted),
        runs=Spread.of(len(alerts) for alerts in alerted),
        alerts=Spread.of(sum(count for _, count in alerts) for alerts in alerted),
        events=sum(len(outcome.draws) * events for _, outcome, events in played),
        lost=sum(draw.lost for draw in draws),
        longest_delay=max(draw.longest_delay for draw in draws),
    )


def _assumptions(trial: Trial) -> Assumptions:
    ingestion = trial.ingestion
    return Assumptions(
        delay=ingestion.delay.text,
        late_share=ingestion.late.share,
        late_by=ingestion.late.seconds,
        duplicates=ingestion.duplicates,
        out_of_order=ingestion.out_of_order,
        draws=trial.draws,
        seed=trial.seed,
    )
