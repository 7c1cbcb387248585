"""The engine's contract on a few rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.kql.duckdb.duckdb_engine import DuckDbEngine
from harness.kql.engine import QueryFailed
from harness.telemetry.schema import RECORD, SLICE, complete
from harness.telemetry.tables import write_tables

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> DuckDbEngine:
    rows = [
        complete(
            "DeviceProcessEvents",
            {"Timestamp": f"2026-01-0{day} 12:00:00", "FileName": name, SLICE: slice_, RECORD: f"raw/x:{day}"},
        )
        for day, name, slice_ in [(1, "docker", "a"), (1, "it's", "b"), (2, "docker", "a")]
    ]
    write_tables({"DeviceProcessEvents": rows}, tmp_path)
    found = DuckDbEngine(NOW)
    found.load(tmp_path)
    return found


def test_a_query_sees_one_slice_and_no_hidden_column(engine: DuckDbEngine) -> None:
    (row,) = engine.query("DeviceProcessEvents", "b")
    assert row["FileName"] == "it's"
    assert row["AccountName"] == ""  # Kusto has no null string
    assert not any(name.startswith("_") for name in row)


def test_the_clock_is_the_recordings(engine: DuckDbEngine) -> None:
    assert len(engine.query("DeviceProcessEvents | where Timestamp > ago(24h)", "a")) == 2
    assert len(engine.query("DeviceProcessEvents | where Timestamp > ago(1h)", "a")) == 1


def test_columns_tables_and_counts(engine: DuckDbEngine) -> None:
    kql = 'DeviceProcessEvents | project FileName, IsDocker = FileName == "docker"'
    assert engine.columns(kql) == {"FileName": "string", "IsDocker": "bool"}
    assert engine.tables(kql) == {"DeviceProcessEvents"}
    assert engine.count("a")["DeviceProcessEvents"] == 2


def test_an_alert_is_matched_to_the_rows_it_came_from(engine: DuckDbEngine) -> None:
    (row,) = engine.query("DeviceProcessEvents | project FileName", "b")
    assert [found[RECORD] for found in engine.matching("DeviceProcessEvents", "b", row)] == ["raw/x:1"]
    assert engine.matching("DeviceProcessEvents", "a", row) == []


def test_rows_can_be_filtered_by_a_tail(engine: DuckDbEngine) -> None:
    rows = engine.query("DeviceProcessEvents | project FileName, Timestamp", "a")
    assert engine.over(rows, "| where Timestamp > datetime(2026-01-02)") == [
        row for row in rows if row["Timestamp"].day == 2
    ]


@pytest.mark.parametrize(
    ("kql", "line"),
    [("DeviceProcessEvents\n| wherex 1", 2), ("Nothing | take 1", 1), ("DeviceProcessEvents | where Nope == 1", 0)],
)
def test_a_query_that_cannot_run_says_so(engine: DuckDbEngine, kql: str, line: int) -> None:
    with pytest.raises(QueryFailed) as caught:
        engine.query(kql, "a")
    assert caught.value.line == line


def test_a_rule_cannot_read_files(engine: DuckDbEngine, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    with pytest.raises(QueryFailed):
        engine.query(f"['{secret}'] | take 1", "a")


@pytest.mark.parametrize("name", ["livefire_all_Auditd_CL", "LIVEFIRE_ALL_AUDITD_CL"])
def test_a_rule_cannot_read_another_slice(engine: DuckDbEngine, name: str) -> None:
    with pytest.raises(QueryFailed, match="the engine's own"):
        engine.query(f"['{name}'] | count", "a")


@pytest.mark.parametrize("name", ["livefire_every_Auditd_CL", "livefire_answer", "livefire_output"])
def test_a_rule_cannot_read_what_the_engine_keeps(engine: DuckDbEngine, name: str) -> None:
    engine.passing("DeviceProcessEvents", "FileName != ''", "a")
    with pytest.raises(QueryFailed, match="the engine's own"):
        engine.query(name, "b")
    with pytest.raises(QueryFailed, match="the engine's own"):
        engine.passing("DeviceProcessEvents", f"FileName in (({name} | project FileName))", "b")


@pytest.mark.parametrize("name", [SLICE, RECORD, "livefire_row"])
def test_a_rule_cannot_name_a_hidden_column(engine: DuckDbEngine, name: str) -> None:
    for kql in (f"DeviceProcessEvents | where {name} != ''", f"DeviceProcessEvents | project FileName, {name}"):
        with pytest.raises(QueryFailed, match=name):
            engine.query(kql, "a")
        with pytest.raises(QueryFailed, match=name):
            engine.columns(kql)


def test_another_time_to_count_from(engine: DuckDbEngine) -> None:
    kql = "DeviceProcessEvents | where Timestamp > ago(24h)"
    assert len(engine.query(kql, "a", datetime(2026, 1, 3, tzinfo=UTC))) == 1
    assert len(engine.query(kql, "a", datetime(2026, 1, 4, tzinfo=UTC))) == 0
    assert len(engine.query(kql, "a")) == 2


def test_what_is_put_is_seen_and_only_there(engine: DuckDbEngine) -> None:
    kql = "DeviceProcessEvents | project FileName"
    (before,) = engine.query(kql, "b")
    assert engine.query(kql, "new") == []
    engine.put("DeviceProcessEvents", "new", [complete("DeviceProcessEvents", {"FileName": name}) for name in "xy"])
    assert [row["FileName"] for row in engine.query(kql, "new")] == ["x", "y"]
    assert [row["FileName"] for row in engine.query(f"{kql} | summarize count() by FileName", "new")]
    assert engine.query(kql, "b") == [before]
    engine.put("DeviceProcessEvents", "new", [])
    assert engine.query(kql, "new") == []
    assert engine.slices() == {"a", "b", "new"}


def test_passing_gives_the_same_rows_also_after_a_put(engine: DuckDbEngine) -> None:
    kql = "DeviceProcessEvents | sort by FileName asc | project FileName"
    (docker, _) = engine.query(kql, "a")
    engine.put("DeviceProcessEvents", "0", [complete("DeviceProcessEvents", {"FileName": "aaa"})])
    engine.query("Auditd_CL", "a")  # something else stands in its place
    passed = engine.passing(kql, "FileName == 'docker'", "a")
    assert passed[0] is docker
    assert engine.passing(kql, "FileName == 'aaa'", "0") == [{"FileName": "aaa"}]
    assert engine.passing(kql, "FileName == 'docker'", "b") == []
    with pytest.raises(QueryFailed):
        engine.passing(kql, "Nope == 1", "a")


def test_a_row_of_another_slice_cannot_fail_a_query(engine: DuckDbEngine) -> None:
    engine.put("DeviceProcessEvents", "bad", [complete("DeviceProcessEvents", {"FileName": "docker", "MD5": "{"})])
    kql = "DeviceProcessEvents | where toint(parse_json(iff(MD5 == '', '{\"a\":1}', MD5)).a) == 1"
    assert len(engine.query(kql, "b")) == 1


def test_a_predicate_over_a_column_that_was_made_json(engine: DuckDbEngine) -> None:
    kql = 'DeviceProcessEvents | extend FileName = parse_json(\'{"a":"docker run"}\')'
    assert len(engine.passing(kql, "FileName has 'run'", "a")) == 2


@pytest.mark.parametrize("end", ["", "| order by Timestamp asc"], ids=["for all slices at once", "slice by slice"])
def test_slices_put_together_are_one(engine: DuckDbEngine, end: str) -> None:
    both, kql = engine.together(["a", "b"]), f"DeviceProcessEvents | project FileName, Timestamp {end}"
    assert sorted(row["FileName"] for row in engine.query(kql, both)) == ["docker", "docker", "it's"]
    assert [row["FileName"] for row in engine.passing(kql, "FileName != 'docker'", both)] == ["it's"]
    found = [
        place[RECORD] for row in engine.query(kql, both) for place in engine.matching("DeviceProcessEvents", both, row)
    ]
    assert sorted(found) == ["raw/x:1", "raw/x:1", "raw/x:2"]
    assert engine.count(both)["DeviceProcessEvents"] == len(engine.numbered("DeviceProcessEvents", both)) == 3
    assert [len(engine.query(kql, each)) for each in ("a", "b")] == [2, 1]
    engine.put("DeviceProcessEvents", "b", [complete("DeviceProcessEvents", {"FileName": "other"})])
    assert sorted(row["FileName"] for row in engine.query(kql, both)) == ["docker", "docker", "other"]


def test_rows_of_slices_put_together_are_counted_as_one(engine: DuckDbEngine) -> None:
    both = engine.together(["a", engine.together(["b", "a"])])
    assert engine.query("DeviceProcessEvents | summarize n = count()", both) == [{"n": 3}]
    assert engine.slices() == {"a", "b"}
    assert engine.together(["a"]) == "a"
