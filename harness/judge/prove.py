"""The proof half: from a sealed recording to verdicts. Needs no root, no Docker, no cluster and no network."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import InvalidFiles, NothingSelected
from harness.events import Judged, JudgingStarted, Subscriber, silent
from harness.judge.blame import blaming
from harness.judge.cases import Case, cases
from harness.judge.health.health import Health
from harness.judge.judge import Judge
from harness.judge.lint import Sound, vacuous
from harness.judge.loading import Loaded, load
from harness.judge.other_rows import unclear_of
from harness.judge.recall import RuleFigures, figures_of
from harness.judge.rule_answer import prepare
from harness.judge.unjudged import in_recording
from harness.kql.engine_choice import new_workspace
from harness.kql.limits import Limits
from harness.kql.workspace import Workspace
from harness.model.atomic_result import Alert, AtomicResult
from harness.model.expectation import Expectation
from harness.model.result import Ambiguous, Background, Result
from harness.model.rule import Rule
from harness.model.rule_figures import RuleFacts
from harness.model.verdict import exit_code
from harness.recording import Recording
from harness.telemetry.schema import BACKGROUND

_NAMED = 12  # atomics in a message


def prove(
    recording: Recording,
    expectations: list[Expectation],
    *,
    from_raw: bool = False,
    subscriber: Subscriber = silent,
    live: bool = False,
    sound: Sound | None = None,
    limits: Limits = Limits(),
) -> Result:
    """Judge each expectation whose atomic is in the recording, and the background once for each rule.

    `live` says that the recording has just been made: then the time of each alert is noted, and `require` has passed.
    `sound` are expectations that passed the checks already; `limits` hold for each query.
    Whether the rules are proven depends on all results of a command: see `settled`.
    Raises NothingSelected where no expectation has an atomic here, InvalidFiles for a mistake in a rule or an
    expectation, RuleNotRunnable for a query that fails, LimitMet for one over its limit.
    """
    manifest = recording.manifest
    chosen = _chosen(recording, expectations)
    subscriber(JudgingStarted(len(chosen)))
    workspace = new_workspace(manifest.finished, limits)
    started = manifest.started if live else datetime.now(UTC)
    loaded = load(workspace, recording, from_raw=from_raw)  # before it sees any KQL
    if not live:  # a live run checks this before it starts anything
        (sound or Sound()).require([case.expectation for case in chosen if case.expectation.variant is None], workspace)
    if mistakes := vacuous([case.expectation for case in chosen], workspace):  # at this recording's time
        raise mistakes[0] if len(mistakes) == 1 else InvalidFiles(mistakes)
    judge = Judge(workspace, Health.of(recording.sealed, manifest), live=live)
    rules = [_of_rule(rule_cases, judge, workspace, recording, subscriber) for rule_cases in _by_rule(chosen)]
    return _result(recording, rules, _ambiguous(chosen, judge, workspace, recording), workspace, loaded, started)


@dataclass(frozen=True)
class _OfRule:
    """The results of one rule's cases, and its alerts in the background."""

    rule: Rule
    results: list[AtomicResult]
    background: list[Alert]
    figures: RuleFigures


def _chosen(recording: Recording, expectations: list[Expectation]) -> list[Case]:
    chosen = cases(recording.manifest, expectations)
    if not chosen:
        atomics = [d.atomic for d in recording.manifest.detonations if d.variant is None]
        known = f"{', '.join(atomics[:_NAMED])}{f' and {len(atomics) - _NAMED} more' if len(atomics) > _NAMED else ''}"
        raise NothingSelected(
            f"no expectation names an atomic of {recording.path}", hint=f"It holds: {known or 'none'}."
        )
    return chosen


def _of_rule(
    rule_cases: list[Case], judge: Judge, workspace: Workspace, recording: Recording, subscriber: Subscriber
) -> _OfRule:
    """Raises RuleNotRunnable, LimitMet."""
    expectations = [case.expectation for case in rule_cases]
    rule = expectations[0].rule
    with blaming(expectations, recording.path):
        prepare([case.expectation for case in rule_cases if case.detonation.attack], workspace)
        results = []
        for case in rule_cases:
            results.append(judge.judge(case))
            subscriber(Judged(results[-1]))
        alerts = judge.alerts(rule, BACKGROUND)
        return _OfRule(rule, results, alerts, figures_of(expectations, results, alerts, workspace))


def _result(
    recording: Recording,
    rules: list[_OfRule],
    ambiguous: Ambiguous,
    workspace: Workspace,
    loaded: Loaded,
    started: datetime,
) -> Result:
    manifest = recording.manifest
    results = [result for of_rule in rules for result in of_rule.results]
    background = _background(rules, workspace)
    figures = {of_rule.rule.id: of_rule.figures for of_rule in rules}
    return Result(
        run_id=manifest.run_id,
        recording=str(recording.path),
        started=started,
        finished=datetime.now(UTC),
        versions=manifest.versions,
        lab=manifest.lab,
        engine=workspace.facts,
        rules={of_rule.rule.digest: _facts(of_rule.rule) for of_rule in rules},
        tables=loaded.why,
        tables_from=loaded.source,
        tables_differ=loaded.differing,
        results=results,
        background=background,
        ambiguous=ambiguous,
        recall={name: f.recall for name, f in figures.items() if f.recall},
        recall_split={name: f.recall_split for name, f in figures.items() if f.recall_split},
        benign={name: f.benign for name, f in figures.items() if f.benign},
        flags={name: f.flags for name, f in figures.items() if f.flags},
        tuning={name: f.tuning for name, f in figures.items() if f.tuning},
        unjudged=in_recording(manifest, results),
        summary=dict(Counter(str(result.verdict) for result in results)),
        exit_code=exit_code((result.verdict for result in results), background.count),
    )


def _facts(rule: Rule) -> RuleFacts:
    return RuleFacts(rule=rule.id, version=rule.metadata.version, query=rule.query)


def _background(rules: list[_OfRule], workspace: Workspace) -> Background:
    alerts: dict[str, list[Alert]] = {}
    for of_rule in rules:  # two rules may have one name
        alerts[of_rule.rule.id] = alerts.get(of_rule.rule.id, []) + of_rule.background
    return Background(rows=workspace.count(BACKGROUND), alerts=alerts)


def _ambiguous(chosen: list[Case], judge: Judge, workspace: Workspace, recording: Recording) -> Ambiguous:
    """Ambiguous rows, and the alerts on them. Raises RuleNotRunnable, LimitMet."""
    unclear = list(dict.fromkeys(slice_ for case in chosen for slice_ in unclear_of(workspace, case.detonation.atomic)))
    rows: Counter[str] = Counter()
    for slice_ in unclear:
        rows.update(workspace.count(slice_))
    alerts: dict[str, list[Alert]] = {}
    for rule in {case.expectation.rule.path: case.expectation.rule for case in chosen}.values() if unclear else ():
        with blaming([case.expectation for case in chosen], recording.path):
            fired = [alert for slice_ in unclear for alert in judge.alerts(rule, slice_)]
        alerts[rule.id] = alerts.get(rule.id, []) + fired
    return Ambiguous(rows={name: count for name, count in rows.items() if count}, alerts=alerts)


def _by_rule(chosen: list[Case]) -> list[list[Case]]:
    """The cases by rule file, in their order. Two files may hold rules of one name."""
    by_rule: dict[Path, list[Case]] = {}
    for case in chosen:
        by_rule.setdefault(case.expectation.rule.path, []).append(case)
    return list(by_rule.values())
