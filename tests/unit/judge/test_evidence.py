"""How a table row is shown as evidence."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.judge.evidence import best_table, first_arrival, origins_of, plain, sensors_of, to_evidence
from harness.kql.engine import Row
from harness.model.observed import Evidence
from harness.telemetry.schema import ARRIVED, RECORD, TABLES
from tests.unit.kql.workspaces import workspace_of


def test_evidence_says_where_a_row_stands_and_what_is_telling_about_it() -> None:
    row = {RECORD: "raw/auditd.log:7", "FileName": "docker", "ProcessId": 0, "ProcessCommandLine": "", "LogonId": None}
    assert to_evidence("DeviceProcessEvents", [row | {"FolderPath": "/usr/bin"}]) == [
        Evidence(record="raw/auditd.log:7", table="DeviceProcessEvents", facts={"ProcessId": 0, "FileName": "docker"})
    ]


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_something_telling(table: str) -> None:
    (found,) = to_evidence(table, [dict.fromkeys(TABLES[table], "x") | {RECORD: "r"}])
    assert len(found.facts) > 3


def test_five_rows_are_enough() -> None:
    rows = [{RECORD: str(number)} for number in range(7)]
    assert [each.record for each in to_evidence("AKSAudit", rows)] == ["0", "1", "2", "3", "4"]


def test_the_sensors_behind_tables_come_in_one_order_and_once() -> None:
    assert sensors_of(["DockerDaemon_CL", "AKSAudit", "Auditd_CL", "DeviceProcessEvents"]) == [
        "auditd",
        "kube_audit",
        "docker_daemon",
    ]
    assert sensors_of(["DockerDaemon_CL"]) == ["docker_daemon"]
    assert sensors_of([]) == []


@pytest.mark.parametrize(
    ("arrivals", "first"), [([3.0, 1.0, 2.0], 1.0), ([None, 2.0], 2.0), ([0.0, 1.0], 0.0), ([None], None), ([], None)]
)
def test_the_first_arrival_that_is_known(arrivals: list[float | None], first: float | None) -> None:
    assert first_arrival([{ARRIVED: arrived} for arrived in arrivals]) == first
    assert first_arrival([{}]) is None


@pytest.mark.parametrize("table", TABLES)
def test_a_row_comes_most_likely_from_the_table_that_has_its_columns(table: str) -> None:
    row = dict.fromkeys(TABLES[table])
    found = best_table(row | {"Renamed": 1})
    assert found[0] == table
    assert set(found) == set(TABLES)


def test_the_tables_are_tried_by_how_many_columns_they_share() -> None:
    row = {"TimeGenerated": None, "ProcessId": None, "ContainerId": None, "Session": None}
    assert best_table(row) == ["Auditd_CL", "DeviceProcessEvents", "DockerDaemon_CL", "AKSAudit"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('DeviceProcessEvents | where FileName == "b" | project FileName', ("DeviceProcessEvents", ["raw/a:2"])),
        # with all columns named anew
        ("DockerDaemon_CL | project What = Action", ("DockerDaemon_CL", ["raw/a:3"])),
    ],
)
def test_the_rows_that_an_alert_came_from(tmp_path: Path, query: str, found: tuple[str, list[str]]) -> None:
    rows: list[tuple[str, Row]] = [("DeviceProcessEvents", {"FileName": name}) for name in "ab"]
    workspace = workspace_of(tmp_path, {"a": [*rows, ("DockerDaemon_CL", {"Action": "start"})], "b": rows})
    (row,) = workspace.query(query, "a")
    table, origins = origins_of(workspace, "a", row)
    assert (table, [each[RECORD] for each in origins]) == found


def test_of_a_count_nobody_knows_what_it_came_from(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, {"a": [("DeviceProcessEvents", {"FileName": "a"})]})
    (row,) = workspace.query("DeviceProcessEvents | summarize Count = count()", "a")
    table, origins = origins_of(workspace, "a", row)
    assert table in TABLES
    assert origins == []


@pytest.mark.parametrize(
    ("value", "expected"), [(datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05Z"), ("x", "x"), (None, None), (7, 7)]
)
def test_times_are_texts_in_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected
