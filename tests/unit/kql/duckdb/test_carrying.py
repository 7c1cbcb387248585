"""Which queries run once for all slices: those that surely work row by row, and no other."""

from __future__ import annotations

import duckdb_kql
import pytest

from harness.kql.duckdb.carrying import ROW, carry
from harness.kql.engine import QueryFailed

TABLES = ["T", "X"]


@pytest.mark.parametrize(
    ("kql", "expected"),
    [
        ("T", "livefire_every_T"),
        ("T | where a // T\n", "livefire_every_T | where a // T\n"),
        ("T | project a, b // c\n| where b", f"livefire_every_T | project a, b, {ROW} // c\n| where b"),
        ("T | sort by a desc", f"livefire_every_T | sort by a desc, {ROW} asc"),
        ("T | order by a", f"livefire_every_T | order by a, {ROW} asc"),
        ("T | project-away a | project-rename c = b", "livefire_every_T | project-away a | project-rename c = b"),
        ("union T, (X | where a)", "union livefire_every_T, (livefire_every_X | where a)"),
        ("T | union kind=outer X", "livefire_every_T | union kind=outer livefire_every_X"),
        ('let L = dynamic(["T"]); T | where a in (L)', 'let L = dynamic(["T"]); livefire_every_T | where a in (L)'),
        ("let A = T; let d = 1d; A | where t > d", "let A = livefire_every_T; let d = 1d; A | where t > d"),
        ("let A = (T); union A, X", "let A = (livefire_every_T); union A, livefire_every_X"),
    ],
)  # fmt: skip
def test_a_query_that_works_row_by_row_carries_its_rows_number(kql: str, expected: str) -> None:
    carried = carry(kql, TABLES)
    assert carried is not None
    assert carried.kql == expected
    assert duckdb_kql.parse(carried.kql).ok
    assert carried.tables == {name for name in TABLES if f"livefire_every_{name}" in expected}


@pytest.mark.parametrize(
    "kql",
    [
        "T | summarize count() by a",
        "T | distinct a",
        "T | take 1",
        "T | top 1 by a",
        "T | count",
        "T | join X on a",
        "T | lookup X on a",
        "T | mv-expand a",
        "T | where a in (X)",
        "T | where a in ((X | project a))",
        "let B = X | project a; T | where a in (B)",
        "T | extend n = toscalar(X | count)",
        "T | extend all = pack_all()",
        "T | extend before = prev(a)",
        "T | extend n = row_number()",
        "T | where * has 'x'",
        "T | project-away a*",
        "T | union withsource=s X",
        "union T*",
        "let f = (a: string) { a }; T",
        "let T = X; T",
        "T | where ['b'] == 1",
        "datatable(a: string)['x']",
        "print 1",
        "Y",
    ],
)
def test_when_in_doubt_it_runs_slice_by_slice(kql: str) -> None:
    assert carry(kql, TABLES) is None


@pytest.mark.parametrize("name", [ROW, ROW.upper(), "livefire_every_X", "['livefire_row']"])
def test_a_query_that_names_what_is_the_engines_is_not_carried(name: str) -> None:
    assert carry(f"T | where {name} == 1", TABLES) is None
    assert carry(f"T | extend {name} = 1", TABLES) is None


def test_a_text_that_does_not_parse() -> None:
    with pytest.raises(QueryFailed):
        carry("T | where (", TABLES)
