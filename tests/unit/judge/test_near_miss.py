"""Cutting a rule into the predicates that a row must pass, and the row that came closest to passing them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.errors import LimitMet
from harness.files.rule_file import load_rule
from harness.judge.near_miss import explain, predicates
from harness.kql.duckdb.duckdb_engine import DuckDbEngine
from harness.kql.engine import Output, Row
from harness.kql.workspace import Workspace
from harness.model.atomic_result import NearMiss
from harness.model.observed import Evidence
from tests.unit.judge.texts import rule_text
from tests.unit.kql.workspaces import workspace_of


def test_wheres_are_cut_at_top_level_and_only() -> None:
    kql = (
        'let a = dynamic(["x and y"]);\nT\n| where A == "p and q" and (B or C) and D has_any (a)\n| take 1\n| where E\n'
    )
    found = predicates(kql)
    assert [each.text for each in found] == ['A == "p and q"', "(B or C)", "D has_any (a)", "E"]
    assert all(kql[each.offset :].startswith(each.text) for each in found)
    assert found[2].prefix.endswith('T\n| where A == "p and q"\n| where (B or C)\n')
    assert "take" in found[3].prefix


def test_a_between_range_is_not_cut() -> None:
    assert [p.text for p in predicates("T | where A between (1 .. 2) and B")] == ["A between (1 .. 2)", "B"]


def test_comments_and_verbatim_strings_are_no_predicates() -> None:
    kql = 'T\n| where A == 1 // this and that\n    and B == @"c:\\" and C\n// | where Z and Y\n| where D'
    found = predicates(kql)
    assert [each.text for each in found] == ["A == 1", 'B == @"c:\\"', "C", "D"]
    assert all(kql[each.offset :].startswith(each.text) for each in found)


def test_brackets_and_words_that_contain_and_are_not_cut() -> None:
    assert [
        p.text for p in predicates('T | where Command == "x" and B["p and q"] == 1 and (C and (D and E) and F)')
    ] == [
        'Command == "x"',
        'B["p and q"] == 1',
        "(C and (D and E) and F)",
    ]


def test_an_or_at_top_level_keeps_the_predicate_whole() -> None:
    assert [p.text for p in predicates("T | where A and B or C | where(D and E) or F | where G and (H or I)")] == [
        "A and B or C",
        "(D and E) or F",
        "G",
        "(H or I)",
    ]


@pytest.mark.parametrize(
    "kql",
    [
        "T | where A in ((U | where B | project C)) | where(D or E) and F| take 1",
        "let U = T | where B; let f = (x: int) { T | where C }; T | where A in ((U)) | where(D or E) and F",
    ],
)
def test_what_stands_in_parentheses_or_in_another_statement_is_no_predicate_of_the_pipeline(kql: str) -> None:
    first, *others = predicates(kql)
    assert first.text.startswith("A in ((U")
    assert [each.text for each in others] == ["(D or E)", "F"]
    assert all(kql[each.offset :].startswith(each.text) for each in [first, *others])


Near = Callable[..., NearMiss | None]
TABLE = "DeviceProcessEvents"


@pytest.fixture
def near(tmp_path: Path) -> Near:
    """The near miss of a query over processes, given by their command lines."""

    def ask(query: str, *lines: str, telling: tuple[str, ...] = ()) -> NearMiss | None:
        rows: list[tuple[str, Row]] = [
            (TABLE, {"FileName": line.split()[0], "ProcessCommandLine": line}) for line in lines
        ]
        (tmp_path / "r.yaml").write_text(rule_text(query))
        return explain(load_rule(tmp_path / "r.yaml"), workspace_of(tmp_path, {"a": rows}), "a", telling)

    return ask


LINES = [
    'let W = dynamic(["run"]);',
    "DeviceProcessEvents // and more",
    '| where FileName == "docker"',
    "    and ProcessCommandLine has_any (W) and FileName != ProcessCommandLine",
    '| where ProcessCommandLine has "--privileged"',
]


@pytest.mark.parametrize(
    "query", ["\n".join(LINES), "\n".join([*LINES[:4], "", LINES[4]]), " ".join(LINES).replace("// and more", "")]
)
def test_a_near_miss_says_what_rejected_which_row_and_what_it_passed_before(
    near: Near, tmp_path: Path, query: str
) -> None:
    found, rejecting = near(query, "id", "docker ps", "docker run x"), 'ProcessCommandLine has "--privileged"'
    before = (tmp_path / "r.yaml").read_text().partition(rejecting)[0].split("\n")
    facts = {"FileName": "docker", "ProcessCommandLine": "docker run x"}
    assert found == NearMiss(
        predicate=rejecting,
        at=f"{tmp_path}/r.yaml:{len(before)}:{len(before[-1]) + 1}",
        values={"ProcessCommandLine": "docker run x"},
        passed=['FileName == "docker"', "ProcessCommandLine has_any (W)", "FileName != ProcessCommandLine"],
        evidence=Evidence(record="raw/a:3", table=TABLE, facts=facts),
    )


def test_a_column_whose_name_is_a_part_of_another_s_is_not_what_was_rejected(near: Near) -> None:
    found = near(f'{TABLE} | where InitiatingProcessFileName == "sh"', "docker ps")
    assert found
    assert found.values == {"InitiatingProcessFileName": ""}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (f'{TABLE} | where FileName == "docker"', "it is not silent"),
        (f'{TABLE} | take 0 | where FileName == "x"', "no row is left to be rejected"),
        (f"{TABLE} | take 0", "it has no predicate"),
        (f"{TABLE} | where Nowhere == 1", "it can't be run"),
    ],
)
def test_a_rule_without_a_near_miss(near: Near, query: str, why: str) -> None:
    assert near(query, "docker ps") is None, why


class Limited(DuckDbEngine):
    """Each query meets a limit."""

    lost = False

    def run(self, kql: str, slice_: str, now: datetime | None = None) -> Output:
        raise LimitMet("a query took more than 1s", kql=kql, lost=self.lost)


def test_a_limit_costs_the_near_miss_and_nothing_else_unless_the_engine_is_gone(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(rule_text(f'{TABLE} | where FileName == "docker"'))
    rule, engine = load_rule(tmp_path / "r.yaml"), Limited(datetime(2026, 1, 2, tzinfo=UTC))
    assert explain(rule, Workspace(engine), "a") is None
    engine.lost = True
    with pytest.raises(LimitMet):
        explain(rule, Workspace(engine), "a")


def test_the_row_that_most_of_the_other_predicates_let_pass_is_closest(near: Near) -> None:
    """Also those that stand after one of a column that the row has not yet."""
    found = near(
        f"""
        let W = dynamic(["whoami"]);
        {TABLE} | where FileName == "podman"
        | extend Length = strlen(ProcessCommandLine) | where Length > 3
        | where ProcessCommandLine has_any (W)
        """,
        "sh podman whoamis",
        "id whoami",
        "id podman",
    )
    assert found
    assert found.values == {"FileName": "id"}


@pytest.mark.parametrize(
    ("telling", "line"),
    [
        ((), "docker ps"),  # words of the rule
        (("docker", "EXEC x whoami"), "docker exec x whoami"),
        (("spare", "create"), "docker context create spare"),
    ],
)
def test_of_rows_that_come_as_far_the_one_most_like_the_attack_is_shown(
    near: Near, telling: tuple[str, ...], line: str
) -> None:
    query = f'{TABLE} | where FileName == "docker" | where ProcessCommandLine has "ps --all"'
    found = near(query, "docker context create spare", "docker exec x whoami", "docker ps", "id", telling=telling)
    assert found
    assert found.values == {"ProcessCommandLine": line}


def test_the_evidence_of_a_row_whose_columns_are_all_named_anew(near: Near) -> None:
    found = near(f'{TABLE} | project What = ProcessCommandLine | where What has "y"', "docker x")
    assert found
    assert found.evidence
    assert found.evidence.record == "raw/a:1"


def test_a_row_that_is_of_no_table_is_no_evidence(near: Near) -> None:
    found = near(f"{TABLE} | summarize Number = count() | where Number > 1", "docker x")
    assert found
    assert (found.values, found.evidence) == ({"Number": 1}, None)
