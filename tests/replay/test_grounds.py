"""What grounds ask about is answered by the execution that answers everything else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.rule_answer import judge_rule, prepare
from harness.kql.engine import QueryFailed
from harness.kql.engine_choice import new_workspace
from harness.kql.workspace import Workspace
from harness.model.verdict import Verdict
from harness.recording import Recording
from tests.conftest import EXPECTATIONS, MAIN_JOB

EXPECTED = [each for each in load_expectations(EXPECTATIONS) if each.atomic in MAIN_JOB]


@pytest.fixture
def workspace(committed: Recording) -> Workspace:
    found = new_workspace(committed.manifest.finished)
    found.load(committed.sealed)
    return found


def test_one_execution_judges_a_changed_rule_by_all_expectations(workspace: Workspace, executions: list[str]) -> None:
    prepare(EXPECTED, workspace)
    executions.clear()
    changed = EXPECTED[0].rule.with_query(EXPECTED[0].rule.query.replace('"--net=host", ', ""))
    verdicts = [judge_rule(replace(each, rule=changed), workspace, each.atomic) for each in EXPECTED]
    assert [verdict for verdict, _ in verdicts] == [Verdict.PROVEN, Verdict.WRONG_FLAGS, Verdict.PROVEN]
    assert "but not by '--net=host' alone" in verdicts[1][1]
    assert len(executions) == 1


def test_grounds_need_no_preparation(workspace: Workspace) -> None:
    assert [judge_rule(each, workspace, each.atomic)[0] for each in EXPECTED] == [Verdict.PROVEN] * 3


def test_a_companion_that_cannot_be_told_any_more_is_no_answer(workspace: Workspace) -> None:
    expectation = next(each for each in EXPECTED if each.companions)
    query = expectation.rule.query.replace("InitiatingProcessFileName, ", "")
    assert query != expectation.rule.query
    with pytest.raises(QueryFailed, match="InitiatingProcessFileName"):
        judge_rule(replace(expectation, rule=expectation.rule.with_query(query)), workspace, expectation.atomic)


def test_a_rule_that_sees_many_rows_at_once_is_judged_slice_by_slice_with_the_same_verdicts(
    workspace: Workspace, executions: list[str]
) -> None:
    columns = ", ".join(workspace.columns(EXPECTED[0].rule.query))
    executions.clear()
    rule = EXPECTED[0].rule.with_query(f"{EXPECTED[0].rule.query}\n| distinct {columns}")
    verdicts = [judge_rule(replace(each, rule=rule), workspace, each.atomic)[0] for each in EXPECTED]
    assert verdicts == [Verdict.PROVEN] * 3
    assert executions == []
