"""What an atomic's verdict becomes by rows that are not its own.

Of some it can't be told whose they are: neither credit for an atomic, nor blame for it. Others are the host's, and
stand beside the atomic's own, as they do in a SIEM. A query may join rows, or count them.
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
_LOUD = "it fires where the host's other rows stand beside these, and must not"
_SILENT = "it fires on the attack's rows alone, and not where the host's other rows stand beside them"
_BESIDE = "where the host's other rows stand beside the attack's"


def unclear_of(workspace: Workspace, atomic: str) -> list[str]:
    """The slices with rows that may be an atomic's."""
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
    """Why a verdict can't stand: a row that may be the atomic's would change it. Empty where it stands.

    `asked` are its oracle and signals with what they found in its own slice. Raises QueryFailed.
    """
    slices = unclear_of(workspace, slice_)
    if verdict in _SETTLED or not slices:
        return ""
    unclear, with_own = workspace.together(slices), workspace.together([slice_, *slices])
    for signal, result in evidence:
        if bool(workspace.query(signal.kql, with_own)) != result.seen:
            return f"it can't be told whose doing it was: {signal.name}"
    if verdict is Verdict.NOT_EXECUTED:
        return "it can't be told whose doing some of it was" if expectation.variant else ""
    if rows := len(workspace.query(expectation.rule.query, unclear)):
        count = "1 row" if rows == 1 else f"{rows} rows"
        return f"the rule fires on {count} of which it can't be told whose doing it was"
    if judge_rule(expectation, workspace, with_own) != judge_rule(expectation, workspace, slice_):
        return "the rule says something else where it counts rows of which it can't be told whose doing they were"
    return ""


def changed_by_others(
    expectation: Expectation, workspace: Workspace, slice_: str, verdict: Verdict
) -> tuple[Verdict, str] | None:
    """What a verdict becomes, and why, that can't stand beside the background's rows. None where it stands.

    A rule that works row by row says the same whatever stands beside a row. One that counts or compares rows may fire,
    or be silent, only since it sees few of them. Raises QueryFailed.
    """
    query, entry = expectation.rule.query, expectation.entry
    if not verdict.as_expected or entry.false_alarms or workspace.row_by_row(query):
        return None
    alone = workspace.query(query, BACKGROUND)
    slices = workspace.together([slice_, BACKGROUND])
    if not entry.fires:
        return (Verdict.UNEXPECTED_ALERT, _LOUD) if len(workspace.query(query, slices)) > len(alone) else None
    rows = own_rows(expectation, workspace, slices)
    for row in alone:  # one may look like another: each takes one away
        if row in rows:
            rows.remove(row)
    if not rows:
        return Verdict.RULE_SILENT, _SILENT
    changed, reason = decide_rule(expectation, Answer(rows))
    return None if changed is verdict else (changed, f"{reason}, {_BESIDE}")
