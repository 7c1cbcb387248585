"""What hangs on rows of which it can't be told whose they are: neither credit for an atomic, nor blame for it.

They are asked about together with the atomic's own: a query may join rows, or count them.
"""

from __future__ import annotations

from harness.judge.rule_answer import judge_rule
from harness.kql.engine import Engine
from harness.model.expectation import Expectation, Signal
from harness.model.result import SignalResult
from harness.model.verdict import Verdict
from harness.telemetry.schema import ambiguous, may_be_of

_SETTLED = (Verdict.INCONCLUSIVE, Verdict.SKIPPED)


def unclear_of(engine: Engine, atomic: str) -> list[str]:
    """The slices with rows that may be an atomic's."""
    slices = sorted(each for each in engine.slices() if atomic in may_be_of(each) or each == ambiguous(atomic))
    return [each for each in slices if any(engine.count(each).values())]


def hangs_on_ambiguous(
    expectation: Expectation,
    engine: Engine,
    slice_: str,
    asked: list[tuple[Signal, SignalResult]],
    verdict: Verdict,
) -> str:
    """Why a verdict can't stand: a row that may be the atomic's would change it. Empty where it stands.

    `asked` are its oracle and signals with what they found in its own slice. Raises QueryFailed.
    """
    slices = unclear_of(engine, slice_)
    if verdict in _SETTLED or not slices:
        return ""
    unclear, with_own = engine.together(slices), engine.together([slice_, *slices])
    for signal, result in asked:
        if bool(engine.query(signal.kql, with_own)) != result.seen:
            return f"it can't be told whose doing it was: {signal.name}"
    if verdict is Verdict.NOT_EXECUTED:
        return "it can't be told whose doing some of it was" if expectation.variant else ""
    if rows := len(engine.query(expectation.rule.query, unclear)):
        count = "1 row" if rows == 1 else f"{rows} rows"
        return f"the rule fires on {count} of which it can't be told whose doing it was"
    if judge_rule(expectation, engine, with_own) != judge_rule(expectation, engine, slice_):
        return "the rule says something else where it counts rows of which it can't be told whose doing they were"
    return ""
