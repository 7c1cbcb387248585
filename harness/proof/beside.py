"""What a rule says of an attack where the host's other rows stand beside the attack's own, as they do in a SIEM."""

from __future__ import annotations

from harness.model.expectation import Expectation
from harness.model.manifest import BACKGROUND
from harness.model.verdict import Verdict
from harness.proof.engines import Engine


def silenced_by_others(expectation: Expectation, engine: Engine, slice_: str, verdict: Verdict) -> str:
    """Why an alert that is PROVEN can't stand: beside the background's rows it is gone. Empty where it stands.

    A rule that works row by row says the same whatever stands beside a row. One that counts or compares rows may fire
    only since it sees few of them. Raises QueryFailed.
    """
    query = expectation.rule.query
    if verdict is not Verdict.PROVEN or not expectation.entry.fires or engine.row_by_row(query):
        return ""
    alone = engine.query(query, BACKGROUND)
    beside = engine.query(query, engine.together([slice_, BACKGROUND]))
    if any(row not in alone for row in beside):
        return ""
    return "it fires on the attack's rows alone, and not where the host's other rows stand beside them"
