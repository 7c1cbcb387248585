"""The engine's contract on a few rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.kql.engine import QueryFailed, Row
from harness.kql.engine_choice import new_workspace
from harness.kql.workspace import Workspace
from harness.telemetry.schema import RECORD, SLICE, complete
from harness.telemetry.tables import write_tables

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    rows = [
        complete(
            "DeviceProcessEvents",
            {"Timestamp": f"2026-01-0{day} 12:00:00", "FileName": name, SLICE: slice_, RECORD: f"raw/x:{day}"},
        )
        for day, name, slice_ in [(1, "docker", "a"), (1, "it's", "b"), (2, "docker", "a")]
    ]
    write_tables({"DeviceProcessEvents": rows}, tmp_path)
    found = new_workspace(NOW)
    found.load(tmp_path)
    return found


def passing(workspace: Workspace, kql: str, predicate: str, slice_: str) -> list[Row]:
    return workspace.passing(workspace.query(kql, slice_), predicate, slice_=slice_, of=kql)


def test_a_query_sees_one_slice_and_no_hidden_column(workspace: Workspace) -> None:
    (row,) = workspace.query("DeviceProcessEvents", "b")
    assert row["FileName"] == "it's"
    assert row["AccountName"] == ""  # Kusto has no null string
    assert not any(name.startswith("_") for name in row)


def test_the_clock_is_the_recordings(workspace: Workspace) -> None:
    assert len(workspace.query("DeviceProcessEvents | where Timestamp > ago(24h)", "a")) == 2
    assert len(workspace.query("DeviceProcessEvents | where Timestamp > ago(1h)", "a")) == 1


def test_columns_tables_and_counts(workspace: Workspace) -> None:
    kql = 'DeviceProcessEvents | project FileName, IsDocker = FileName == "docker"'
    assert workspace.columns(kql) == {"FileName": "string", "IsDocker": "bool"}
    assert workspace.tables(kql) == {"DeviceProcessEvents"}
    assert workspace.count("a")["DeviceProcessEvents"] == 2


def test_an_alert_is_matched_to_the_rows_it_came_from(workspace: Workspace) -> None:
    (row,) = workspace.query("DeviceProcessEvents | project FileName", "b")
    assert [found[RECORD] for found in workspace.matching("DeviceProcessEvents", "b", row)] == ["raw/x:1"]
    assert workspace.matching("DeviceProcessEvents", "a", row) == []


def test_rows_can_be_filtered_by_a_tail(workspace: Workspace) -> None:
    rows = workspace.query("DeviceProcessEvents | project FileName, Timestamp", "a")
    assert workspace.passing(rows, "Timestamp > datetime(2026-01-02)") == [
        row for row in rows if row["Timestamp"].day == 2
    ]


@pytest.mark.parametrize(
    ("kql", "line"),
    [("DeviceProcessEvents\n| wherex 1", 2), ("Nothing | take 1", 1), ("DeviceProcessEvents | where Nope == 1", 0)],
)
def test_a_query_that_cannot_run_says_so(workspace: Workspace, kql: str, line: int) -> None:
    with pytest.raises(QueryFailed) as caught:
        workspace.query(kql, "a")
    assert caught.value.line == line


def test_a_rule_cannot_read_files(workspace: Workspace, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    with pytest.raises(QueryFailed):
        workspace.query(f"['{secret}'] | take 1", "a")


@pytest.mark.parametrize("name", ["livefire_all_Auditd_CL", "LIVEFIRE_ALL_AUDITD_CL"])
def test_a_rule_cannot_read_another_slice(workspace: Workspace, name: str) -> None:
    with pytest.raises(QueryFailed, match="the engine's own"):
        workspace.query(f"['{name}'] | count", "a")


@pytest.mark.parametrize("name", ["livefire_every_Auditd_CL", "livefire_answer", "livefire_output"])
def test_a_rule_cannot_read_what_the_engine_keeps(workspace: Workspace, name: str) -> None:
    passing(workspace, "DeviceProcessEvents", "FileName != ''", "a")
    with pytest.raises(QueryFailed, match="the engine's own"):
        workspace.query(name, "b")
    with pytest.raises(QueryFailed, match="the engine's own"):
        passing(workspace, "DeviceProcessEvents", f"FileName in (({name} | project FileName))", "b")


@pytest.mark.parametrize("name", [SLICE, RECORD, "livefire_row"])
def test_a_rule_cannot_name_a_hidden_column(workspace: Workspace, name: str) -> None:
    for kql in (f"DeviceProcessEvents | where {name} != ''", f"DeviceProcessEvents | project FileName, {name}"):
        with pytest.raises(QueryFailed, match=name):
            workspace.query(kql, "a")
        with pytest.raises(QueryFailed, match=name):
            workspace.columns(kql)


def test_another_time_to_count_from(workspace: Workspace) -> None:
    kql = "DeviceProcessEvents | where Timestamp > ago(24h)"
    assert len(workspace.query(kql, "a", datetime(2026, 1, 3, tzinfo=UTC))) == 1
    assert len(workspace.query(kql, "a", datetime(2026, 1, 4, tzinfo=UTC))) == 0
    assert len(workspace.query(kql, "a")) == 2


def test_what_is_put_is_seen_and_only_there(workspace: Workspace) -> None:
    kql = "DeviceProcessEvents | project FileName"
    (before,) = workspace.query(kql, "b")
    assert workspace.query(kql, "new") == []
    workspace.put("DeviceProcessEvents", "new", [complete("DeviceProcessEvents", {"FileName": name}) for name in "xy"])
    assert [row["FileName"] for row in workspace.query(kql, "new")] == ["x", "y"]
    assert [row["FileName"] for row in workspace.query(f"{kql} | summarize count() by FileName", "new")]
    assert workspace.query(kql, "b") == [before]
    workspace.put("DeviceProcessEvents", "new", [])
    assert workspace.query(kql, "new") == []
    assert workspace.slices() == {"a", "b", "new"}


def test_passing_gives_the_same_rows_also_after_a_put(workspace: Workspace) -> None:
    kql = "DeviceProcessEvents | sort by FileName asc | project FileName"
    (docker, _) = workspace.query(kql, "a")
    workspace.put("DeviceProcessEvents", "0", [complete("DeviceProcessEvents", {"FileName": "aaa"})])
    workspace.query("Auditd_CL", "a")  # something else stands in its place
    passed = passing(workspace, kql, "FileName == 'docker'", "a")
    assert passed[0] is docker
    assert passing(workspace, kql, "FileName == 'aaa'", "0") == [{"FileName": "aaa"}]
    assert passing(workspace, kql, "FileName == 'docker'", "b") == []
    with pytest.raises(QueryFailed):
        passing(workspace, kql, "Nope == 1", "a")


def test_a_row_of_another_slice_cannot_fail_a_query(workspace: Workspace) -> None:
    workspace.put("DeviceProcessEvents", "bad", [complete("DeviceProcessEvents", {"FileName": "docker", "MD5": "{"})])
    kql = "DeviceProcessEvents | where toint(parse_json(iff(MD5 == '', '{\"a\":1}', MD5)).a) == 1"
    assert len(workspace.query(kql, "b")) == 1


def test_a_predicate_over_a_column_that_was_made_json(workspace: Workspace) -> None:
    kql = 'DeviceProcessEvents | extend FileName = parse_json(\'{"a":"docker run"}\')'
    assert len(passing(workspace, kql, "FileName has 'run'", "a")) == 2


@pytest.mark.parametrize("end", ["", "| order by Timestamp asc"], ids=["for all slices at once", "slice by slice"])
def test_slices_put_together_are_one(workspace: Workspace, end: str) -> None:
    both, kql = workspace.together(["a", "b"]), f"DeviceProcessEvents | project FileName, Timestamp {end}"
    assert sorted(row["FileName"] for row in workspace.query(kql, both)) == ["docker", "docker", "it's"]
    assert [row["FileName"] for row in passing(workspace, kql, "FileName != 'docker'", both)] == ["it's"]
    rows = workspace.query(kql, both)
    origins = [origin for row in rows for origin in workspace.matching("DeviceProcessEvents", both, row)]
    assert sorted(origin[RECORD] for origin in origins) == ["raw/x:1", "raw/x:1", "raw/x:2"]
    assert workspace.count(both)["DeviceProcessEvents"] == len(workspace.numbered("DeviceProcessEvents", both)) == 3
    assert [len(workspace.query(kql, each)) for each in ("a", "b")] == [2, 1]
    workspace.put("DeviceProcessEvents", "b", [complete("DeviceProcessEvents", {"FileName": "other"})])
    assert sorted(row["FileName"] for row in workspace.query(kql, both)) == ["docker", "docker", "other"]


def test_rows_of_slices_put_together_are_counted_as_one(workspace: Workspace) -> None:
    both = workspace.together(["a", workspace.together(["b", "a"])])
    assert workspace.query("DeviceProcessEvents | summarize n = count()", both) == [{"n": 3}]
    assert workspace.slices() == {"a", "b"}
    assert workspace.together(["a"]) == "a"
