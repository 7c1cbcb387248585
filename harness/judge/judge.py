"""The judge: the verdict on one atomic under one rule, from the rows of its slice."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.judge.cases import Case
from harness.judge.decision import decide
from harness.judge.evidence import LIMIT, first_arrival, origins_of, plain, sensors_of, to_evidence
from harness.judge.facts import Facts
from harness.judge.health.health import Health
from harness.judge.labs import kind_of, lacking, on
from harness.judge.likeness import Likeness
from harness.judge.near_miss import explain
from harness.judge.other_rows import changed_by_others, hangs_on_ambiguous
from harness.judge.rule_answer import answer_of
from harness.judge.vectors import flags_of
from harness.kql.workspace import Workspace
from harness.model.atomic_result import Alert, AtomicResult, Fired, Inputs, Latency, NearMiss, VariantResult
from harness.model.expectation import Expectation, Signal
from harness.model.manifest import Detonation, Execution
from harness.model.observed import Executed, SignalResult
from harness.model.rule import Rule
from harness.model.verdict import Verdict
from harness.telemetry.schema import SENSOR_OF

_SENSORS = tuple(dict.fromkeys(SENSOR_OF.values()))


@dataclass(frozen=True)
class _Seen:
    """A signal, its result, and when its first row could be read."""

    signal: Signal
    result: SignalResult
    arrived: float | None


class Judge:
    """Judges cases over one recording. In a live run it also notes the time of the alert."""

    def __init__(self, workspace: Workspace, health: Health, *, live: bool) -> None:
        self._workspace = workspace
        self._health = health
        self._live = live
        self._lab = kind_of(health.manifest.lab)
        self._likeness = Likeness(workspace, health)

    def judge(self, case: Case) -> AtomicResult:
        """The result of one case. Raises QueryFailed where a query does not run."""
        expectation, detonation, attack = case.expectation, case.detonation, case.detonation.attack
        if detonation.skipped or attack is None:
            return self._skipped(expectation, detonation)
        oracle = self._signals(expectation.entry.oracle, detonation.atomic)
        signals = self._signals(expectation.entry.signals, detonation.atomic)
        fired = self._workspace.query(expectation.rule.query, detonation.atomic)
        alert = time.time() - attack.started.timestamp() if self._live and fired else None
        answer = answer_of(expectation, self._workspace, detonation.atomic)
        variant = self._likeness.of(case, answer.rows)
        sensors = self._sensors(expectation, [*oracle, *signals])
        facts = Facts(
            executed=_executed(attack, [seen.result for seen in oracle], variant),
            answer=answer,
            lacking=lacking(expectation, self._lab),
            health=[self._health.around(detonation, name) for name in sensors],
            signals=[seen.result for seen in signals],
            variant=variant,
        )
        verdict, reason = decide(expectation, facts)
        evidence = [(seen.signal, seen.result) for seen in [*oracle, *signals]]
        if why := hangs_on_ambiguous(expectation, self._workspace, detonation.atomic, evidence, verdict):
            verdict, reason = Verdict.INCONCLUSIVE, why
        if changed := changed_by_others(expectation, self._workspace, detonation.atomic, verdict):
            verdict, reason = changed
        near = self._near_miss(expectation, detonation, facts, verdict)
        if near and verdict is Verdict.RULE_SILENT:
            reason = f"no row passed: {near.predicate}"
        result = self._result(expectation, detonation, facts, verdict, reason)
        return result.model_copy(update={"near_miss": near, "latency": _latency(attack, signals, alert)})

    def _near_miss(
        self, expectation: Expectation, detonation: Detonation, facts: Facts, verdict: Verdict
    ) -> NearMiss | None:
        """The near miss of a silent rule: preferably a row of the attack, not of its preparations.

        Words of the signals identify the attack's rows; a variant has no signals, so words of its atomic's command.
        """
        # not for known evasions: there are dozens, each with its reason
        needed = verdict is Verdict.RULE_SILENT or (verdict is Verdict.KNOWN_GAP and not facts.variant)
        if facts.answer.rows or not needed:
            return None
        evidence = [row for signal in facts.signals for row in signal.evidence]
        telling = [fact for row in evidence for fact in row.facts.values() if isinstance(fact, str)]
        for base in self._health.manifest.detonations:
            if base.attack and detonation.variant and base.atomic == detonation.variant.of:
                telling.append(base.attack.command)
        return explain(expectation.rule, self._workspace, detonation.atomic, telling)

    def alerts(self, rule: Rule, slice_: str) -> list[Alert]:
        """The rule's alerts in a slice. Raises QueryFailed."""
        return [self._alert(row, slice_) for row in self._workspace.query(rule.query, slice_)]

    def _signals(self, signals: Sequence[Signal], slice_: str) -> list[_Seen]:
        """The signals that apply to this kind of lab, with their results over a slice."""
        return [self._signal(signal, slice_) for signal in on(self._lab, signals)]

    def _signal(self, signal: Signal, slice_: str) -> _Seen:
        rows, tables = self._workspace.query(signal.kql, slice_), self._workspace.tables(signal.kql)
        origins = {
            table: [origin for row in rows[:LIMIT] for origin in self._workspace.matching(table, slice_, row)]
            for table in sorted(tables)
        }
        sensors = sensors_of(tables)
        result = SignalResult(
            name=signal.name,
            sensor=sensors[0],
            sensors=sensors,
            seen=bool(rows),
            evidence=[row for table, of in origins.items() for row in to_evidence(table, of)],
        )
        return _Seen(signal, result, first_arrival([row for of in origins.values() for row in of]))

    def _sensors(self, expectation: Expectation, seen: list[_Seen]) -> list[str]:
        """The sensors that this expectation depends on, in a fixed order."""
        names = {name for signal in seen for name in signal.result.sensors}
        names.update(sensors_of(self._workspace.tables(expectation.rule.query)))
        if expectation.variant:  # its effect may be recorded by any sensor
            names.update(sensor.name for sensor in self._health.manifest.sensors)
        return [name for name in _SENSORS if name in names]

    def _alert(self, row: dict[str, Any], slice_: str) -> Alert:
        evidence = to_evidence(*origins_of(self._workspace, slice_, row))
        return Alert(row={name: plain(value) for name, value in row.items()}, evidence=evidence)

    def _result(
        self, expectation: Expectation, detonation: Detonation, facts: Facts, verdict: Verdict, reason: str
    ) -> AtomicResult:
        rows = facts.answer.rows
        return AtomicResult(
            atomic=detonation.atomic,
            guid=detonation.guid,
            name=detonation.name,
            technique=detonation.technique,
            rule=expectation.rule.id,
            at=str(expectation.at()),
            inputs=Inputs(rule=expectation.rule.digest, expectation=expectation.digest),
            verdict=verdict,
            reason=reason,
            executed=facts.executed,
            health=facts.health,
            signals=facts.signals,
            fired=Fired(
                expected=expectation.entry.fires,
                actual=bool(rows),
                rows=len(rows),
                expected_rows=expectation.rows,
                companions=facts.answer.companions,
            ),
            flags=flags_of(expectation, rows, facts.answer.grounds),
            alerts=[self._alert(row, detonation.atomic) for row in rows],
            benign=expectation.entry.benign or "",
            may_skip=expectation.may_skip,
            variant=facts.variant,
        )

    def _skipped(self, expectation: Expectation, detonation: Detonation) -> AtomicResult:
        compared = VariantResult.of_skipped(detonation.variant) if detonation.variant else None
        facts = Facts(Executed(ran=False, effect=False), variant=compared)
        verdict = Verdict.SKIPPED if detonation.skipped else Verdict.NOT_EXECUTED
        if detonation.lost:
            verdict = Verdict.INCONCLUSIVE
        return self._result(expectation, detonation, facts, verdict, detonation.skipped or "it was not run")


def _executed(attack: Execution, oracle: list[SignalResult], variant: VariantResult | None) -> Executed:
    return Executed(
        ran=True,
        timed_out=attack.timed_out,
        given_up=attack.given_up,
        effect=variant.equivalence != "none" if variant else bool(oracle) and all(seen.seen for seen in oracle),
        command=attack.command,
        pid=attack.pid,
        session=attack.session,
        exit_code=attack.exit_code,
        survivors=attack.survivors,
        oracle=oracle,
    )


def _latency(attack: Execution, signals: list[_Seen], alert: float | None) -> Latency:
    by_sensor = {name: [seen for seen in signals if name in seen.result.rests_on] for name in _SENSORS}
    known = {name: seconds for name, seen in by_sensor.items() if (seconds := _telemetry(attack, seen)) is not None}
    return Latency(detonated=attack.started, telemetry=_telemetry(attack, signals), sensors=known, alert=alert)


def _telemetry(attack: Execution, signals: list[_Seen]) -> float | None:
    """Seconds from exec until the last of the signals could be read."""
    arrivals = [seen.arrived for seen in signals]
    known = [arrived for arrived in arrivals if arrived is not None]
    return max(known) - attack.started.timestamp() if known and len(known) == len(arrivals) else None
