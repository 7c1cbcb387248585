"""The judge: what one atomic's slice says under one rule. Verdicts in the order of harness/model/verdict.py."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from harness.model.expectation import Expectation, Signal
from harness.model.manifest import Detonation, Execution
from harness.model.result import (
    Alert,
    AtomicResult,
    Executed,
    Fired,
    Inputs,
    Latency,
    NearMiss,
    SignalResult,
    VariantResult,
)
from harness.model.rule import Rule
from harness.model.verdict import Verdict
from harness.proof.ambiguous import hangs_on_ambiguous
from harness.proof.cases import Case
from harness.proof.decision import Facts, decide, decide_rule, flags_of
from harness.proof.effect import Effect, compare, effect_of
from harness.proof.engines import Engine
from harness.proof.evidence import best_table, first_arrival, plain, sensors_of, to_evidence
from harness.proof.grounds import check_grounds, lay_grounds
from harness.proof.health import Health
from harness.proof.labs import kind_of, lacking, on
from harness.proof.near_miss import explain
from harness.proof.tables.schema import SENSOR_OF
from harness.proof.vectors import compared, paired

_SENSORS = ("auditd", "docker_daemon", "kube_audit")


@dataclass(frozen=True)
class _Seen:
    """A signal's result and when its first row could be read."""

    result: SignalResult
    arrived: float | None


class Judge:
    """Judges expectations over one recording. In a live run the time of the alert is noted as well."""

    def __init__(self, engine: Engine, health: Health, *, live: bool) -> None:
        self._engine = engine
        self._health = health
        self._live = live
        self._effects: dict[str, Effect] = {}

    def judge(self, case: Case) -> AtomicResult:
        """The verdict on one atomic. Raises QueryFailed when a query does not run."""
        expectation, detonation = case.expectation, case.detonation
        if detonation.skipped or detonation.attack is None:
            return self._skipped(expectation, detonation)
        attack, slice_ = detonation.attack, detonation.atomic
        lab = kind_of(self._health.manifest.lab)
        oracle = [self._signal(signal, slice_) for signal in on(lab, expectation.entry.oracle)]
        signals = [self._signal(signal, slice_) for signal in on(lab, expectation.entry.signals)]
        fired = self._engine.query(expectation.rule.query, slice_)
        alerted = time.time()
        rows = _without_companions(expectation, self._engine, slice_, fired)
        variant = self._variant(case, rows)
        facts = Facts(
            executed=_executed(attack, [seen.result for seen in oracle], variant),
            lacking=lacking(expectation, lab),
            health=[self._health.around(detonation, name) for name in self._sensors(expectation)],
            oracle=[seen.result for seen in oracle],
            signals=[seen.result for seen in signals],
            rows=rows,
            companions=len(fired) - len(rows),
            grounds=check_grounds(expectation, self._engine, slice_, rows),
            variant=variant,
        )
        verdict, reason = decide(expectation, facts)
        asked = zip(
            [*on(lab, expectation.entry.oracle), *on(lab, expectation.entry.signals)],
            facts.oracle + facts.signals,
            strict=True,
        )
        if why := hangs_on_ambiguous(expectation, self._engine, slice_, list(asked), verdict):
            verdict, reason = Verdict.INCONCLUSIVE, why
        # that a variant is missed is known, with its reason: there are dozens of them
        wanted = verdict is Verdict.RULE_SILENT or (verdict is Verdict.KNOWN_GAP and not variant)
        near = self._near_miss(expectation, detonation, facts) if wanted and not rows else None
        if near and verdict is Verdict.RULE_SILENT:
            reason = f"no row passed: {near.predicate}"
        alert = alerted - attack.started.timestamp() if self._live and fired else None
        latency = _latency(attack, signals, alert)
        return self._result(expectation, detonation, facts, verdict, reason, near, latency)

    def _near_miss(self, expectation: Expectation, detonation: Detonation, facts: Facts) -> NearMiss | None:
        """The attack's own row rather than one of its preparations: signals tell them apart.

        A variant has none; then it is the command of its atomic.
        """
        evidence = [found for signal in facts.signals for found in signal.evidence]
        telling = [fact for found in evidence for fact in found.facts.values() if isinstance(fact, str)]
        of = detonation.variant.of if detonation.variant else ""
        telling += [d.attack.command for d in self._health.manifest.detonations if d.atomic == of and d.attack]
        return explain(expectation.rule, self._engine, detonation.atomic, telling)

    def alerts(self, rule: Rule, slice_: str) -> list[Alert]:
        """What the rule says of a slice."""
        return [self._alert(row, slice_) for row in self._engine.query(rule.query, slice_)]

    def _variant(self, case: Case, rows: list[dict[str, Any]]) -> VariantResult | None:
        """How a variant compares with its atomic; None for what is no variant."""
        variant = case.detonation.variant
        if variant is None:
            return None
        equivalence, differences = compare(self._effect(variant.of), self._effect(variant.id))
        counts = self._engine.count(variant.id)
        flags = compared(paired(case.right, rows, counted=False), {})
        return VariantResult(
            of=variant.of,
            family=variant.family,
            name=variant.name,
            held_out=variant.held_out,
            equivalence=equivalence,
            differences=differences,
            seen_by=sorted({SENSOR_OF[table] for table, count in counts.items() if count}),
            flags_right=bool(rows) and all(flag.right for flag in flags.values()),
        )

    def _effect(self, slice_: str) -> Effect:
        if slice_ not in self._effects:
            self._effects[slice_] = effect_of(self._engine, slice_)
        return self._effects[slice_]

    def _signal(self, signal: Signal, slice_: str) -> _Seen:
        rows = self._engine.query(signal.kql, slice_)
        evidence, arrived = [], None
        for table in self._engine.tables(signal.kql):
            origins = [found for row in rows[:5] for found in self._engine.matching(table, slice_, row)]
            evidence += to_evidence(table, origins)
            arrived = first_arrival(origins) if arrived is None else arrived
        sensors = sensors_of(self._engine.tables(signal.kql))
        result = SignalResult(name=signal.name, sensor=sensors[0], sensors=sensors, seen=bool(rows), evidence=evidence)
        return _Seen(result, arrived)

    def _sensors(self, expectation: Expectation) -> list[str]:
        """The sensors on which this expectation rests, in a fixed order."""
        entry = expectation.entry
        asked = on(kind_of(self._health.manifest.lab), [*entry.oracle, *entry.signals])
        tables = {table for signal in asked for table in self._engine.tables(signal.kql)}
        if expectation.variant:  # its effect is looked for wherever there may be one
            there = {sensor.name for sensor in self._health.manifest.sensors}
            tables |= {table for table, sensor in SENSOR_OF.items() if sensor in there}
        return sensors_of(tables | self._engine.tables(expectation.rule.query))

    def _alert(self, row: dict[str, Any], slice_: str) -> Alert:
        for table in best_table(row):
            if origins := self._engine.matching(table, slice_, row):
                return Alert(row={k: plain(v) for k, v in row.items()}, evidence=to_evidence(table, origins))
        return Alert(row={k: plain(v) for k, v in row.items()})

    def _result(
        self,
        expectation: Expectation,
        detonation: Detonation,
        facts: Facts,
        verdict: Verdict,
        reason: str,
        near: NearMiss | None,
        latency: Latency,
    ) -> AtomicResult:
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
                actual=bool(facts.rows),
                rows=len(facts.rows),
                expected_rows=expectation.rows,
                companions=facts.companions,
            ),
            flags=flags_of(expectation, facts),
            alerts=[self._alert(row, detonation.atomic) for row in facts.rows],
            near_miss=near,
            latency=latency,
            benign=expectation.entry.benign or "",
            may_skip=expectation.may_skip,
            variant=facts.variant,
        )

    def _skipped(self, expectation: Expectation, detonation: Detonation) -> AtomicResult:
        compared = VariantResult.of_skipped(detonation.variant) if detonation.variant else None
        facts = Facts(Executed(ran=False, effect=False), "", [], [], [], [], 0, variant=compared)
        reason = detonation.skipped or "it was not run"
        verdict = Verdict.SKIPPED if detonation.skipped else Verdict.NOT_EXECUTED
        if detonation.lost:
            verdict = Verdict.INCONCLUSIVE
        return self._result(expectation, detonation, facts, verdict, reason, None, Latency())


def _without_companions(
    expectation: Expectation, engine: Engine, slice_: str, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rows but for those that may stand beside the atomic's own. A companion is never the atomic's own row."""
    own = rows
    for companion in expectation.companions if rows else ():
        aside = engine.passing(expectation.rule.query, companion.where, slice_)
        own = [row for row in own if not any(row is other for other in aside)]
    return own


def prepare(expectations: list[Expectation], engine: Engine) -> None:
    """Put what grounds ask about beside the recording, so that a rule answers all in one execution."""
    for expectation in expectations:
        if expectation.entry.grounds:
            fired = engine.query(expectation.rule.query, expectation.atomic)
            rows = _without_companions(expectation, engine, expectation.atomic, fired)
            if rows:
                lay_grounds(expectation, engine, expectation.atomic, rows)


def judge_rule(expectation: Expectation, engine: Engine, slice_: str) -> tuple[Verdict, str]:
    """What is expected of the rule alone, taking it that the attack ran and was seen. Raises QueryFailed."""
    fired = engine.query(expectation.rule.query, slice_)
    rows = _without_companions(expectation, engine, slice_, fired)
    grounds = check_grounds(expectation, engine, slice_, rows)
    facts = Facts(Executed(ran=True, effect=True), "", [], [], [], rows, len(fired) - len(rows), grounds)
    return decide_rule(expectation, facts)


def _executed(attack: Execution, oracle: list[SignalResult], variant: VariantResult | None) -> Executed:
    return Executed(
        ran=True,
        timed_out=attack.timed_out,
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
