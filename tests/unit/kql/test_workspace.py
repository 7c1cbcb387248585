"""What a proof asks, each in the plain way over a second engine, is answered as DuckDB's own way does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.errors import LimitMet
from harness.kql.capabilities import Filtering, Planning, Rerunning, Run, TableKeeping
from harness.kql.duckdb.duckdb_engine import DuckDbEngine
from harness.kql.engine import NOTHING, Engine, QueryFailed, Row
from harness.kql.limits import Limits
from harness.kql.plain_filtering import PlainFiltering
from harness.kql.plain_rerunning import PlainRerunning
from harness.kql.plain_tables import PlainTables
from harness.kql.workspace import Workspace
from harness.telemetry.schema import RECORD, SLICE, TABLES, complete
from harness.telemetry.stored_tables import OtherColumns
from harness.telemetry.tables import write_tables
from tests.unit.kql.second_engine import SecondEngine

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CAPABILITIES = (TableKeeping, Filtering, Planning, Rerunning)
TABLE = "DeviceProcessEvents"
TEXTS = ["docker", "it's", 'a "b" \\ c\n\td', "é😀\x01", ""]


def rows_of(slice_: str) -> list[Row]:
    return [
        {
            "TimeGenerated": f"2026-01-01 {12 + number}:00:00",
            "FileName": text,
            "ProcessId": number or None,
            "AdditionalFields": '{"n": [1, "x"]}',
            SLICE: slice_,
            RECORD: f"raw/{slice_}:{number}",
        }
        for number, text in enumerate(TEXTS)
    ]


@pytest.fixture(params=[DuckDbEngine, SecondEngine])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    make: Callable[[datetime, Limits], Engine] = request.param
    write_tables({TABLE: [complete(TABLE, row) for slice_ in "ab" for row in rows_of(slice_)]}, tmp_path)
    made = Workspace(make(NOW, Limits(seconds=4)))
    made.load(tmp_path)
    return made


def names(rows: list[Row]) -> list[str]:
    return sorted(row["FileName"] for row in rows)


def test_one_engine_has_every_capability_and_the_other_none() -> None:
    limits = Limits(threads=1)
    assert [isinstance(DuckDbEngine(NOW, limits), each) for each in CAPABILITIES] == [True] * 4
    assert [isinstance(SecondEngine(NOW, limits), each) for each in CAPABILITIES] == [False] * 4


def test_slices_counts_and_spans(workspace: Workspace) -> None:
    assert workspace.slices() == {"a", "b"}
    assert workspace.count("a") == {TABLE: 5, "AKSAudit": 0, "Auditd_CL": 0, "DockerDaemon_CL": 0}
    span = workspace.spans()[TABLE]["b"]
    assert (span.rows, span.first_record, span.last_record, span.timeless_record) == (5, "raw/b:0", "raw/b:4", "")
    assert span.first == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert workspace.spans()["AKSAudit"] == {}
    workspace.put(TABLE, "c", [complete(TABLE, {RECORD: "raw/c:1"})])
    assert workspace.spans()[TABLE]["c"].timeless_record == "raw/c:1"


def test_tables_of_another_shape_are_not_loaded(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "other" / "tables").mkdir(parents=True)
    (tmp_path / "other" / "tables" / f"{TABLE}.parquet").write_bytes(b"no Parquet")
    with pytest.raises(OtherColumns, match=TABLE):
        workspace.load(tmp_path / "other")


def test_slices_together_follow_their_parts(workspace: Workspace) -> None:
    both = workspace.together(["a", "b", "a"])
    assert workspace.query(f"{TABLE} | summarize n = count()", both) == [{"n": 10}]
    assert len(workspace.numbered(TABLE, both)) == workspace.count(both)[TABLE] == 10
    workspace.put(TABLE, "b", [complete(TABLE, {"FileName": "new"})])
    assert names(workspace.query(TABLE, both)) == sorted([*TEXTS, "new"])
    assert workspace.slices() == {"a", "b"}


@pytest.mark.parametrize("text", TEXTS)
def test_rows_that_a_predicate_holds_for_are_the_same_objects(workspace: Workspace, text: str) -> None:
    kql = f"{TABLE} | project FileName, ProcessId, TimeGenerated, AdditionalFields, Big = ProcessId > 2"
    rows = workspace.query(kql, "a")
    wanted = [row for row in rows if row["FileName"] == text]
    literal = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    for of in ("", kql):
        passing = workspace.passing(rows, f'FileName == "{literal}"', slice_="a", of=of)
        assert [id(row) for row in passing] == [id(row) for row in wanted]


@pytest.mark.parametrize(
    ("predicate", "count"),
    [
        ("TimeGenerated > datetime(2026-01-01 13:30)", 3),
        ("ProcessId >= 2", 3),
        ("isnull(ProcessId)", 1),
        ("Big", 2),
        ("FileName in (Known)", 2),
        (f"ProcessId in (({TABLE} | where FileName == 'docker' or FileName == '' | project ProcessId))", 1),
    ],
)
def test_predicates(workspace: Workspace, predicate: str, count: int) -> None:
    rows = workspace.query(f"{TABLE} | project FileName, ProcessId, TimeGenerated, Big = ProcessId > 2", "a")
    lets = 'let Known = dynamic(["docker", "it\'s"]);\n'
    assert len(workspace.passing(rows, predicate, slice_="a", lets=lets)) == count


def test_many_rows_are_asked_about_some_at_a_time(workspace: Workspace) -> None:
    rows = [{"Text": "x" * 1000, "Number": number} for number in range(150)]
    assert workspace.passing(rows, "Number % 50 == 1 and Text has 'x'") == []
    assert workspace.passing(rows, "Number % 50 == 1 and Text startswith 'x'") == [rows[1], rows[51], rows[101]]
    assert workspace.passing([], "Number == 1") == []
    with pytest.raises(QueryFailed):
        workspace.passing(rows, "Nope == 1")


def test_what_is_told_of_a_query(workspace: Workspace) -> None:
    kql = f"let Unused = AKSAudit; {TABLE} | project FileName, Is = FileName == 'AKSAudit', At = TimeGenerated"
    assert workspace.columns(kql) == {"FileName": "string", "Is": "bool", "At": "datetime"}
    assert workspace.tables(f"['{TABLE}'] | where FileName == 'AKSAudit' // DockerDaemon_CL") == {TABLE}
    assert workspace.tables("print x = 1") == set()
    assert workspace.speaks_of_nothing(f"{TABLE} | count")
    assert not workspace.speaks_of_nothing(TABLE)
    assert not workspace.row_by_row(f"{TABLE} | count")
    for ask in (workspace.columns, workspace.tables):
        with pytest.raises(QueryFailed):
            ask("Nothing | take 1")


def test_the_rows_that_an_output_came_from(workspace: Workspace) -> None:
    for kql in (f"{TABLE} | project FileName, ProcessId", f"{TABLE} | distinct FileName, ProcessId"):
        (row,) = (row for row in workspace.query(kql, "b") if row["FileName"] == "it's")
        assert [origin[RECORD] for origin in workspace.matching(TABLE, "b", row)] == ["raw/b:1"]
        assert workspace.matching("AKSAudit", "b", row) == []
    (count,) = workspace.query(f"{TABLE} | count", "b")
    assert workspace.matching(TABLE, "b", count) == []


def test_what_looks_alike_is_looked_for_anew_after_a_put(workspace: Workspace) -> None:
    row = {"FileName": "docker", "ProcessId": None}
    assert len(workspace.matching(TABLE, "a", row)) == 1
    workspace.put(TABLE, "a", [])
    assert workspace.matching(TABLE, "a", row) == []


@pytest.mark.parametrize("tail", ["where TimeGenerated > ago(2h)", "summarize n = count()", "project FileName"])
def test_runs_see_their_own_rows_at_their_own_time(workspace: Workspace, tail: str) -> None:
    kql, numbers = f"{TABLE} | {tail}", list(workspace.numbered(TABLE, "a"))
    later = NOW - timedelta(hours=9)
    runs = [Run((), NOW), Run((numbers[0], numbers[0], numbers[4]), later), Run(tuple(numbers), NOW), Run((), NOW)]
    given = workspace.rerun(kql, runs)
    expected = {
        "where TimeGenerated > ago(2h)": [0, 1, 0, 0],
        "summarize n = count()": [{0: 1}, {3: 1}, {5: 1}, {0: 1}],
        "project FileName": [0, 3, 5, 0],
    }[tail]
    told: list[Any] = [dict(Counter(row["n"] for row in rows)) if "n" in tail.split() else len(rows) for rows in given]
    assert told == expected
    assert workspace.slices() == {"a", "b"}


def test_a_query_has_a_limit(workspace: Workspace) -> None:
    numbers = "range {} from 1 to 30000 step 1 | extend k = 1"
    join = f"{numbers.format('x')} | join kind=inner ({numbers.format('y')}) on k"
    with pytest.raises(LimitMet):
        workspace.query(f"{join} | join kind=inner ({numbers.format('z')}) on k | count", "a")


ODD = 'a" VARCHAR); CREATE OR REPLACE VIEW "Auditd_CL" AS SELECT 42 AS Serial; --'


@pytest.mark.parametrize("name", [ODD, 'a"b', "ab", "; drop", "a--b", "$1", "?", "é"])
def test_a_column_may_be_called_anything_and_changes_no_table(name: str) -> None:
    """Whoever writes a rule names its columns, and a predicate is asked over them."""
    workspace = Workspace(DuckDbEngine(NOW))
    rows: list[Row] = [{name: "1"}, {name: "2"}]
    assert workspace.passing(rows, "1 == 1") == rows
    assert workspace.passing(rows, "1 == 2") == []
    assert workspace.query("Auditd_CL | where Serial == 42", "anything") == []
    assert workspace.query("Auditd_CL | count", "anything") == [{"Count": 0}]


def test_a_value_that_no_column_can_hold_is_the_query_s_fault() -> None:
    with pytest.raises(QueryFailed):
        Workspace(DuckDbEngine(NOW)).passing([{"a": 2**70}], "a > 1")


@pytest.mark.parametrize("name", ["a'b", "a\\", "a\nb"])
def test_a_name_that_would_end_its_quotes_is_refused_by_the_plain_way(name: str) -> None:
    with pytest.raises(QueryFailed, match="which no KQL can name"):
        PlainFiltering(SecondEngine(NOW, Limits())).passing([{name: "1"}], f"* == 1 or {name}")


def test_no_slice_has_the_name_of_none(tmp_path: Path) -> None:
    workspace = Workspace(DuckDbEngine(NOW))
    with pytest.raises(ValueError, match="a slice is called"):
        workspace.put(TABLE, NOTHING, [])
    (tmp_path / "tables").mkdir()
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    tables |= {TABLE: [complete(TABLE, row) for row in rows_of(NOTHING)]}
    write_tables(tables, tmp_path)
    with pytest.raises(ValueError, match="a slice is called"):
        workspace.load(tmp_path)


def test_what_an_engine_keeps_can_not_be_changed_from_outside() -> None:
    engine = DuckDbEngine(NOW)
    query = f"{TABLE} | project FileName"
    engine.run(query, "a").columns["FileName"] = "long"
    assert engine.run(query, "a").columns == engine.columns(query) == {"FileName": "string"}


def test_after_a_query_that_fails_at_many_times_no_slice_is_left(tmp_path: Path) -> None:
    engine = SecondEngine(NOW, Limits())
    tables = PlainTables(engine)
    tables.put("a", {name: [] for name in TABLES})
    with pytest.raises(QueryFailed):
        PlainRerunning(engine, tables).rerun(f"{TABLE} | where Nobody == 1", [Run((), NOW)])
    assert engine.run(f"{TABLE} | count", "(seen by a run)").rows == [{"Count": 0}]
