"""The engine's contract on a few rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.proof.engines import DuckDbEngine, QueryFailed
from harness.proof.tables import write_tables
from harness.proof.tables.schema import RECORD, SLICE, complete

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
    found.load(tmp_path / "tables")
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
    [("DeviceProcessEvents\n| wherex 1", 2), ("Nothing | take 1", 0), ("DeviceProcessEvents | where Nope == 1", 0)],
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
