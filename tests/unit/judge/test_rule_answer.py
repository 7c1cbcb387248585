"""What a rule says of a slice: the atomic's own rows, companions apart, and each word by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.judge.facts import Answer
from harness.judge.rule_answer import answer_of, judge_rule, prepare
from harness.kql.engine import QueryFailed
from harness.model.expectation import Companion
from harness.model.verdict import Verdict
from tests.unit.judge.world import RUN, USUAL, expecting, process
from tests.unit.kql.workspaces import workspace_of

SHELL = Companion(reason="a shell", where='ProcessCommandLine startswith "docker -c"')
SECOND = Companion(reason="a second run", where='ProcessCommandLine endswith "y"')
OWN = {"FileName": "docker", "ProcessCommandLine": RUN, "Root": True}
WRAPPED = process(f"docker -c {RUN}", "raw/auditd.log:6")
AGAIN = process(f"{RUN} y", "raw/auditd.log:8")
GROUNDS = {"Root": ["--privileged", "x"]}


def test_a_companion_is_none_of_the_atomic_s_rows(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, {"T1/a": [WRAPPED, AGAIN, *USUAL], "T1/b": [WRAPPED]})
    expectation = expecting(companions=(SHELL, SECOND))
    assert answer_of(expectation, workspace, "T1/a") == Answer(rows=[OWN], companions=2)
    assert answer_of(expectation, workspace, "T1/b") == Answer(companions=1)
    assert answer_of(expecting(), workspace, "T1/b").companions == 0


@pytest.mark.parametrize("gap", [{}, {"known_gap": "it is blind"}, {"benign": "work"}])
def test_where_a_rule_must_be_silent_a_companion_alone_is_an_alert(tmp_path: Path, gap: dict[str, Any]) -> None:
    """There is nothing beside which it stands."""
    workspace = workspace_of(tmp_path, {"T1/a": [WRAPPED], "T1/b": USUAL[1:]})
    expectation = expecting(companions=(SHELL,), fires=False, flags={}, **gap)
    assert judge_rule(expectation, workspace, "T1/a")[0] is Verdict.UNEXPECTED_ALERT
    assert judge_rule(expectation, workspace, "T1/b")[0].as_expected


def test_beside_a_false_alarm_a_companion_is_no_further_one(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, {"T1/a": [WRAPPED, *USUAL], "T1/b": [WRAPPED]})
    known: dict[str, Any] = {"benign": "work", "known_gap": "it is loud", "false_alarms": 1}
    expectation = expecting(companions=(SHELL,), fires=False, flags={}, **known)
    assert answer_of(expectation, workspace, "T1/a") == Answer(rows=[OWN], companions=1)
    alone = answer_of(expectation, workspace, "T1/b")
    assert (len(alone.rows), alone.companions) == (1, 0)
    assert {judge_rule(expectation, workspace, atomic)[0] for atomic in ("T1/a", "T1/b")} == {Verdict.KNOWN_GAP}


def test_where_a_rule_is_silent_no_companion_is_looked_for(tmp_path: Path) -> None:
    """It may ask for a column that the rule, changed, does not give any more: that matters where there is a row."""
    query = 'DeviceProcessEvents | where FileName == "docker" | project FileName, Root = true'
    expectation = expecting(query, companions=(SHELL,))
    workspace = workspace_of(tmp_path, {"T1/a": USUAL, "T1/b": [process("id")]})
    assert answer_of(expectation, workspace, "T1/b") == Answer()
    with pytest.raises(QueryFailed, match="ProcessCommandLine"):
        answer_of(expectation, workspace, "T1/a")


def test_grounds_are_those_of_the_atomic_s_own_row(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, {"T1/a": [WRAPPED, *USUAL], "T1/b": [WRAPPED]})
    expectation = expecting(companions=(SHELL,), grounds=GROUNDS)
    grounds = {"Root": {"--privileged": True, "x": False}}
    assert answer_of(expectation, workspace, "T1/a") == Answer([OWN], 1, grounds)
    assert answer_of(expectation, workspace, "T1/b") == Answer([], 1, {})


@pytest.mark.parametrize(
    ("rows", "entry", "verdict"),
    [
        (USUAL, {}, Verdict.PROVEN),
        (USUAL, {"grounds": GROUNDS}, Verdict.WRONG_FLAGS),
        (USUAL[1:], {}, Verdict.RULE_SILENT),
        (USUAL, {"fires": False, "flags": {}}, Verdict.UNEXPECTED_ALERT),
    ],
)
def test_a_rule_alone_is_judged_as_if_all_else_were_well(
    tmp_path: Path, rows: list[Any], entry: dict[str, Any], verdict: Verdict
) -> None:
    """Nobody asks here whether the effect was seen."""
    workspace = workspace_of(tmp_path, {"T1/a": rows})
    assert judge_rule(expecting(**entry), workspace, "T1/a")[0] is verdict


def test_what_grounds_ask_about_is_laid_once_and_before(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, {"T1/a": [WRAPPED, *USUAL], "T1/b": USUAL, "T1/c": USUAL[1:]})
    asked = [
        expecting(companions=(SHELL,), grounds=GROUNDS),
        expecting(atomic="T1/b"),
        expecting(atomic="T1/c", grounds=GROUNDS),
    ]
    prepare(asked, workspace)
    (laid,) = workspace.slices() - {"T1/a", "T1/b", "T1/c"}
    assert "T1/a" in laid
    assert {row["ProcessCommandLine"] for row in workspace.numbered("DeviceProcessEvents", laid).values()} == {
        "docker run --privileged ",
        "docker run x",
    }
    assert answer_of(asked[0], workspace, "T1/a").grounds == {"Root": {"--privileged": True, "x": False}}
    assert workspace.slices() == {"T1/a", "T1/b", "T1/c", laid}
