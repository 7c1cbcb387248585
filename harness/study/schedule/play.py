"""An attack played against a schedule many times: when the real rule, run by the workspace, would have alerted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from harness.kql.capabilities import Run
from harness.kql.engine import Row
from harness.kql.workspace import Workspace
from harness.model.rule import Rule
from harness.model.schedule import Schedule
from harness.study.schedule.ingestion import Arrival, Event, Ingestion
from harness.study.schedule.timetable import ScheduledRun, Timetable


@dataclass(frozen=True)
class Attack:
    """One detonation: when it was executed, and its events in the tables that the rule reads."""

    atomic: str
    executed: datetime
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Trial:
    """How events are ingested, and in how many draws. The same seed gives the same draws.

    `max_missed` is the share of draws without an alert that is allowed for each atomic, from 0 to 1.
    """

    ingestion: Ingestion
    draws: int = 200
    seed: int = 0
    max_missed: float = 0.0


@dataclass(frozen=True)
class Draw:
    """The result of one draw. `alerts` has, for each run that alerted on the attack, seconds from exec and a count.

    `lost` counts events of which no run saw any copy; `longest_delay` is in seconds.
    """

    alerts: tuple[tuple[float, int], ...]
    lost: int
    longest_delay: float


@dataclass(frozen=True)
class Played:
    """All draws of one attack. `idle_alert` says that the rule alerts where it sees nothing of the attack."""

    draws: list[Draw]
    fires_at_once: bool
    idle_alert: bool


def play(attack: Attack, rule: Rule, trial: Trial, workspace: Workspace) -> Played:
    """Draw phases and delays, and run the rule at each run that sees any event. Raises QueryFailed.

    The phase of the schedule is uniform, since attacks do not follow a rule's clock. A run alerts on the attack if its
    rows differ from those over no events.
    """
    schedule = rule.schedule()
    drawn: list[tuple[Timetable, list[Arrival], list[ScheduledRun]]] = []
    for number in range(trial.draws):
        random = Random(f"{trial.seed}/{attack.atomic}/{number}")
        timetable = Timetable(schedule, random.uniform(0, schedule.frequency))
        arrivals = trial.ingestion.arrivals(attack.events, random)
        drawn.append((timetable, arrivals, timetable.runs(arrivals)))
    at_once = Run(tuple(event.number for event in attack.events), attack.executed + _after(attack.events))
    nothing = Run((), at_once.now)
    runs = [_run(attack, run) for _, _, scheduled in drawn for run in scheduled]
    everything, idle, *given = workspace.rerun(rule.query, [at_once, nothing, *runs])
    empty = workspace.rerun(rule.query, [Run((), run.now) for run in runs]) if idle else [idle] * len(runs)
    rows = iter(zip(given, empty, strict=True))
    return Played(
        [
            Draw(
                _alerts(schedule, [(run, *next(rows)) for run in scheduled]),
                _lost(timetable, arrivals),
                max((arrival.ingested - arrival.generated for arrival in arrivals), default=0.0),
            )
            for timetable, arrivals, scheduled in drawn
        ],
        fires_at_once=schedule.triggers(len(everything)) and _differ(everything, idle),
        idle_alert=schedule.triggers(len(idle)),
    )


def _after(events: Sequence[Event]) -> timedelta:
    """A time after exec when all events have happened."""
    return timedelta(seconds=max((event.generated for event in events), default=0.0) + 1)


def _run(attack: Attack, run: ScheduledRun) -> Run:
    return Run(run.visible, attack.executed + timedelta(seconds=run.scheduled))


def _alerts(
    schedule: Schedule, runs: Sequence[tuple[ScheduledRun, list[Row], list[Row]]]
) -> tuple[tuple[float, int], ...]:
    """When and how often the runs alert on the attack. After an alert no run takes place while the rule suppresses."""
    alerts = []
    silent_until = float("-inf")
    for run, rows, idle in runs:
        if run.scheduled < silent_until or not schedule.triggers(len(rows)):
            continue
        silent_until = run.scheduled + schedule.suppression
        if _differ(rows, idle):
            alerts.append((run.executed, schedule.alerts(len(rows))))
    return tuple(alerts)


def _differ(rows: list[Row], idle: list[Row]) -> bool:
    if not idle:
        return bool(rows)
    return Counter(map(repr, rows)) != Counter(map(repr, idle))


def _lost(timetable: Timetable, arrivals: Sequence[Arrival]) -> int:
    seen = {arrival.number for arrival in arrivals if timetable.sees(arrival)}
    return len({arrival.number for arrival in arrivals} - seen)
