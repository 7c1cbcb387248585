"""The answer of a rule over one slice, and the verdict on the rule alone."""

from __future__ import annotations

from harness.judge.decision import decide_rule
from harness.judge.facts import Answer
from harness.judge.grounds import check_grounds, lay_grounds
from harness.kql.engine import Row
from harness.kql.workspace import Workspace
from harness.model.expectation import Expectation
from harness.model.verdict import Verdict


def prepare(expectations: list[Expectation], workspace: Workspace) -> None:
    """Put the rows for grounds beside the recording, so that a rule answers all in one execution."""
    for expectation in expectations:
        if expectation.entry.grounds and (rows := own_rows(expectation, workspace, expectation.atomic)):
            lay_grounds(expectation, workspace, expectation.atomic, rows)


def answer_of(expectation: Expectation, workspace: Workspace, slice_: str) -> Answer:
    """The answer of the expectation's rule. Raises QueryFailed."""
    rows = own_rows(expectation, workspace, slice_)
    companions = len(workspace.query(expectation.rule.query, slice_)) - len(rows)
    return Answer(rows, companions, check_grounds(expectation, workspace, slice_, rows) if rows else {})


def judge_rule(expectation: Expectation, workspace: Workspace, slice_: str) -> tuple[Verdict, str]:
    """The verdict on the rule alone, as if the attack ran and was seen. Raises QueryFailed."""
    return decide_rule(expectation, answer_of(expectation, workspace, slice_))


def own_rows(expectation: Expectation, workspace: Workspace, slice_: str) -> list[Row]:
    """The rows of the rule without companions, in a new list.

    A companion is never the atomic's own row. But where the rule must be silent and gives companions alone, they are
    alerts. Raises QueryFailed.
    """
    query = expectation.rule.query
    every = own = workspace.query(query, slice_)
    for companion in expectation.companions if own else ():
        aside = workspace.passing(every, companion.where, slice_=slice_, of=query)
        own = [row for row in own if not any(row is companion_row for companion_row in aside)]
    return own if own or expectation.entry.fires else every
