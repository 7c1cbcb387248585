"""How rows that are not an atomic's own change its verdict.

Ambiguous rows give no credit and no false alarm. The host's rows are beside the atomic's own, as they are in a SIEM,
and a query may join or count them.
"""

from __future__ import annotations

from harness.judge.decision import decide_rule
from harness.judge.facts import Answer
from harness.judge.rule_answer import judge_rule, own_rows
from harness.kql.workspace import Workspace
from harness.model.expectation import Expectation, Signal
from harness.model.manifest import BACKGROUND
from harness.model.observed import SignalResult
from harness.model.verdict import Verdict
from harness.telemetry.schema import ambiguous, may_be_of

_SETTLED = (Verdict.INCONCLUSIVE, Verdict.SKIPPED)
_LOUD = "it fires when the host's other rows are added, and must not"
_SILENT = "it fires on the attack's rows alone, but not when the host's other rows are added"
_BESIDE = "when the host's other rows are added to the attack's"


def unclear_of(workspace: Workspace, atomic: str) -> list[str]:
    """The ambiguous slices that have rows and may belong to an atomic."""
    slices = sorted(
        slice_ for slice_ in workspace.slices() if atomic in may_be_of(slice_) or slice_ == ambiguous(atomic)
    )
    return [slice_ for slice_ in slices if any(workspace.count(slice_).values())]


def hangs_on_ambiguous(
    expectation: Expectation,
    workspace: Workspace,
    slice_: str,
    evidence: list[tuple[Signal, SignalResult]],
    verdict: Verdict,
) -> str:
    """Why a verdict can't stand: an ambiguous row would change it. Empty where it stands.

    `evidence` holds the oracle and the signals, with their results over the atomic's own slice. Raises QueryFailed.
    """
    slices = unclear_of(workspace, slice_)
    if verdict in _SETTLED or not slices:
        return ""
    unclear, with_own = workspace.together(slices), workspace.together([slice_, *slices])
    for signal, result in evidence:
        if bool(workspace.query(signal.kql, with_own)) != result.seen:
            return f"it can't be attributed: {signal.name}"
    if verdict is Verdict.NOT_EXECUTED:
        return "some of its effect can't be attributed" if expectation.variant else ""
    if rows := len(workspace.query(expectation.rule.query, unclear)):
        count = "1 row" if rows == 1 else f"{rows} rows"
        return f"the rule fires on {count} that can't be attributed"
    if judge_rule(expectation, workspace, with_own) != judge_rule(expectation, workspace, slice_):
        return "the rule answers differently when rows that can't be attributed are added"
    return ""


def changed_by_others(
    expectation: Expectation, workspace: Workspace, slice_: str, verdict: Verdict
) -> tuple[Verdict, str] | None:
    """The verdict, and its reason, where the background's rows change it. None where they don't.

    They can't change a rule that works row by row. A rule that counts or compares rows may fire, or be silent, only
    because it sees few of them. Raises QueryFailed.
    """
    query, entry = expectation.rule.query, expectation.entry
    if not verdict.as_expected or entry.false_alarms or workspace.row_by_row(query):
        return None
    alone = workspace.query(query, BACKGROUND)
    slices = workspace.together([slice_, BACKGROUND])
    if not entry.fires:
        return (Verdict.UNEXPECTED_ALERT, _LOUD) if len(workspace.query(query, slices)) > len(alone) else None
    rows = own_rows(expectation, workspace, slices)
    for row in alone:  # rows may be equal: remove one for each
        if row in rows:
            rows.remove(row)
    if not rows:
        return Verdict.RULE_SILENT, _SILENT
    changed, reason = decide_rule(expectation, Answer(rows))
    return None if changed is verdict else (changed, f"{reason}, {_BESIDE}")
