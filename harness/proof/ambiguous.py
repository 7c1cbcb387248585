"""What hangs on rows of which it can't be told whose they are: neither credit for an atomic, nor blame for it."""

from __future__ import annotations

from harness.model.expectation import Expectation, Signal
from harness.model.result import SignalResult
from harness.model.verdict import Verdict
from harness.proof.engines import Engine
from harness.proof.tables.schema import ambiguous

_SETTLED = (Verdict.INCONCLUSIVE, Verdict.SKIPPED)


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
    unclear = ambiguous(slice_)
    if verdict in _SETTLED or not any(engine.count(unclear).values()):
        return ""
    for signal, result in asked:
        if not result.seen and engine.query(signal.kql, unclear):
            return f"it can't be told whose doing it was: {signal.name}"
    if verdict is Verdict.NOT_EXECUTED:
        return "it can't be told whose doing some of it was" if expectation.variant else ""
    rows = len(engine.query(expectation.rule.query, unclear))
    count = "1 row" if rows == 1 else f"{rows} rows"
    return f"the rule fires on {count} of which it can't be told whose doing it was" if rows else ""
