"""What a rule says of an atomic where the host's other rows stand beside the atomic's own, as they do in a SIEM."""

from __future__ import annotations

from harness.judge.decision import Answer, decide_rule
from harness.judge.rule_answer import own_rows
from harness.kql.engine import Engine
from harness.model.expectation import Expectation
from harness.model.manifest import BACKGROUND
from harness.model.verdict import Verdict

_LOUD = "it fires where the host's other rows stand beside these, and must not"
_SILENT = "it fires on the attack's rows alone, and not where the host's other rows stand beside them"
_BESIDE = "where the host's other rows stand beside the attack's"


def changed_by_others(
    expectation: Expectation, engine: Engine, slice_: str, verdict: Verdict
) -> tuple[Verdict, str] | None:
    """What a verdict becomes, and why, that can't stand beside the background's rows. None where it stands.

    A rule that works row by row says the same whatever stands beside a row. One that counts or compares rows may fire,
    or be silent, only since it sees few of them. Raises QueryFailed.
    """
    query, entry = expectation.rule.query, expectation.entry
    if not verdict.as_expected or entry.false_alarms or engine.row_by_row(query):
        return None
    alone = engine.query(query, BACKGROUND)
    slices = engine.together([slice_, BACKGROUND])
    if not entry.fires:
        return (Verdict.UNEXPECTED_ALERT, _LOUD) if len(engine.query(query, slices)) > len(alone) else None
    rows = own_rows(expectation, engine, slices)
    for row in alone:  # one may look like another: each takes one away
        if row in rows:
            rows.remove(row)
    if not rows:
        return Verdict.RULE_SILENT, _SILENT
    other, reason = decide_rule(expectation, Answer(rows))
    return None if other is verdict else (other, f"{reason}, {_BESIDE}")
