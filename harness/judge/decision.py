"""The decision: from what is known of an atomic under a rule to its verdict. The first that applies stands.

Verdicts in the order of harness/model/verdict.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.judge.vectors import compared, paired
from harness.model.expectation import Expectation
from harness.model.result import Executed, Flag, SensorHealth, SignalResult, VariantResult
from harness.model.verdict import Verdict

_CLOSED = "the known gap has closed"
_RIGHTLY_SILENT = "executed, seen, and rightly silent"


@dataclass(frozen=True)
class Answer:
    """What a rule says of one slice: the atomic's own rows, and how many companions stand beside them.

    `grounds` say of each flag's words whether the rule sets it by that word alone.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    companions: int = 0
    grounds: dict[str, dict[str, bool]] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """All that is known of one atomic under one rule before it is judged.

    `lacking` says why it can't be judged on this lab; empty where it can.
    """

    executed: Executed
    answer: Answer = field(default_factory=Answer)
    lacking: str = ""
    health: list[SensorHealth] = field(default_factory=list)
    signals: list[SignalResult] = field(default_factory=list)
    variant: VariantResult | None = None


def decide(expectation: Expectation, facts: Facts) -> tuple[Verdict, str]:
    """The verdict and its reason. The first that applies stands."""
    verdict, reason = _decide(expectation, facts)
    return verdict, f"{reason}; the attack ran into its time limit" if facts.executed.timed_out else reason


def _decide(expectation: Expectation, facts: Facts) -> tuple[Verdict, str]:
    if facts.executed.given_up:  # of what is missing nobody knows whether it would have come
        return Verdict.INCONCLUSIVE, f"the attack was ended before its time, since {facts.executed.given_up}"
    unhealthy = {health.sensor: health.problems for health in facts.health if not health.ok}
    for seen in facts.executed.oracle:
        for sensor in seen.rests_on:
            if not seen.seen and sensor in unhealthy:  # its silence says nothing
                return Verdict.INCONCLUSIVE, unhealthy[sensor][0]
    for seen in facts.executed.oracle:
        if not seen.seen:
            return Verdict.NOT_EXECUTED, f"the effect was not observed: {seen.name}"
    if facts.variant and facts.variant.equivalence == "none" and unhealthy:
        return Verdict.INCONCLUSIVE, next(iter(unhealthy.values()))[0]
    if facts.variant and facts.variant.equivalence == "unknown":
        return Verdict.INCONCLUSIVE, f"{facts.variant.differences[0]}: there is nothing to compare with"
    if facts.variant and not facts.variant.equivalent:
        return Verdict.NOT_EXECUTED, f"it does not do the same: {facts.variant.differences[0]}"
    if facts.lacking:
        return Verdict.INCONCLUSIVE, facts.lacking
    if unhealthy:
        return Verdict.INCONCLUSIVE, next(iter(unhealthy.values()))[0]
    for seen in facts.signals:
        if not seen.seen:
            return Verdict.NO_TELEMETRY, f"{', '.join(seen.rests_on)} did not show: {seen.name}"
    if facts.variant and facts.variant.flags_right and expectation.entry.fires and expectation.entry.known_gap:
        return Verdict.UNEXPECTED_ALERT, f"{_CLOSED}: the flags are right; take the variant out of evasions"
    return decide_rule(expectation, facts.answer)


def decide_rule(expectation: Expectation, answer: Answer) -> tuple[Verdict, str]:
    """What is expected of the rule alone, taking it that the attack ran and was seen."""
    entry, count = expectation.entry, len(answer.rows)
    if not entry.fires:
        return _where_it_must_not(expectation, count)
    if not count:
        return Verdict.RULE_SILENT, _silence(answer)
    for name, flag in flags_of(expectation, answer).items():
        if flag.actual is not flag.expected:
            actual = "has no value" if flag.actual is None else f"is {str(flag.actual).lower()}"
            where = f" in one of {count} rows" if count > 1 else ""
            return Verdict.WRONG_FLAGS, f"{name} {actual}{where}, expected {str(flag.expected).lower()}"
        if not flag.right:
            return Verdict.WRONG_FLAGS, f"{name} is {flag.reserve}"
    if expectation.rows and count != expectation.rows:
        return Verdict.WRONG_FLAGS, f"{_rows(count)}, expected {expectation.rows}"
    if entry.known_gap:  # a variant on which it fires with other flags than it should, as is known
        return Verdict.KNOWN_GAP, entry.known_gap
    return Verdict.PROVEN, "executed, seen, fired, and exactly these flags"


def _where_it_must_not(expectation: Expectation, count: int) -> tuple[Verdict, str]:
    """A benign run, or an attack that the rule is known to miss; `count` are its alerts."""
    entry = expectation.entry
    if count == (entry.false_alarms or 0):
        return (Verdict.KNOWN_GAP, entry.known_gap) if entry.known_gap else (Verdict.PROVEN, _RIGHTLY_SILENT)
    if not entry.known_gap:
        return Verdict.UNEXPECTED_ALERT, f"the rule fires on {_rows(count)}, and must not"
    if not entry.false_alarms:
        return Verdict.UNEXPECTED_ALERT, f"{_CLOSED}: the rule fires; drop known_gap"
    if not count:
        return Verdict.UNEXPECTED_ALERT, f"{_CLOSED}: the rule is silent; drop false_alarms and known_gap"
    said = f"{_rows(count)}, expected {entry.false_alarms}: {entry.known_gap}"
    return Verdict.UNEXPECTED_ALERT, f"the known gap has changed: {said}"


def flags_of(expectation: Expectation, answer: Answer) -> dict[str, Flag]:
    """Each flag, as expected and as it is: each row has exactly the flags of one of the vectors that are expected."""
    vectors = expectation.entry.vectors
    if not answer.rows:
        return {name: Flag(expected=value, actual=None) for name, value in (vectors[0] if vectors else {}).items()}
    pairs = paired(vectors, answer.rows, counted=bool(expectation.rows))
    return compared(pairs, answer.grounds)


def _silence(answer: Answer) -> str:
    if answer.companions:
        return f"the rule fired on companions alone: {_rows(answer.companions)}, and none is the atomic's own"
    return "the rule gave no row"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
