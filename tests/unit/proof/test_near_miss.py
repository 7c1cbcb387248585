"""Cutting a rule into the predicates that a row must pass."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.model.rule import load_rule
from harness.proof.engines import DuckDbEngine
from harness.proof.near_miss import explain, predicates
from harness.proof.tables import write_tables
from harness.proof.tables.schema import RECORD, SLICE, complete
from tests.unit.proof.texts import rule_text


def test_wheres_are_cut_at_top_level_and_only() -> None:
    kql = (
        'let a = dynamic(["x and y"]);\nT\n| where A == "p and q" and (B or C) and D has_any (a)\n| take 1\n| where E\n'
    )
    found = predicates(kql)
    assert [each.text for each in found] == ['A == "p and q"', "(B or C)", "D has_any (a)", "E"]
    assert all(kql[each.offset :].startswith(each.text) for each in found)
    assert found[1].prefix.endswith('| where A == "p and q"\n')
    assert "take" in found[3].prefix


def test_a_between_range_is_not_cut() -> None:
    assert [p.text for p in predicates("T | where A between (1 .. 2) and B")] == ["A between (1 .. 2)", "B"]


def test_comments_and_verbatim_strings_are_no_predicates() -> None:
    kql = 'T\n| where A == 1 // this and that\n    and B == @"c:\\" and C\n// | where Z and Y\n| where D'
    found = predicates(kql)
    assert [each.text for each in found] == ["A == 1", 'B == @"c:\\"', "C", "D"]
    assert all(kql[each.offset :].startswith(each.text) for each in found)


def test_brackets_and_words_that_contain_and_are_not_cut() -> None:
    assert [p.text for p in predicates('T | where Command == "x" and B["p and q"] == 1 and (C and D)')] == [
        'Command == "x"',
        'B["p and q"] == 1',
        "(C and D)",
    ]


def test_an_or_at_top_level_keeps_the_predicate_whole() -> None:
    assert [p.text for p in predicates("T | where A and B or C | where D and (E or F)")] == [
        "A and B or C",
        "D",
        "(E or F)",
    ]


@pytest.mark.parametrize(
    ("telling", "line"),
    [
        ((), "docker ps"),  # words of the rule
        (["docker", "exec x whoami"], "docker exec x whoami"),
        (["docker context create spare"], "docker context create spare"),
    ],
)
def test_of_rows_that_come_as_far_the_one_most_like_the_attack_is_shown(
    tmp_path: Path, telling: list[str], line: str
) -> None:
    lines = ["docker context create spare", "docker exec x whoami", "docker ps", "id"]
    rows = [
        complete(
            "DeviceProcessEvents", {"FileName": text.split()[0], "ProcessCommandLine": text, SLICE: "a", RECORD: ""}
        )
        for text in lines
    ]
    write_tables({"DeviceProcessEvents": rows}, tmp_path)
    engine = DuckDbEngine(datetime(2026, 1, 2, tzinfo=UTC))
    engine.load(tmp_path)
    rule = tmp_path / "r.yaml"
    rule.write_text(
        rule_text('DeviceProcessEvents | where FileName == "docker" | where ProcessCommandLine has "ps --all"')
    )
    near = explain(load_rule(rule), engine, "a", telling)
    assert near
    assert near.values == {"ProcessCommandLine": line}
