"""Table rows as evidence: their place in the recording, and their main columns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from harness.kql.engine import Row
from harness.kql.workspace import Workspace
from harness.model.observed import Evidence
from harness.telemetry.schema import ARRIVED, RECORD, SENSOR_OF, TABLES

LIMIT = 5  # rows of a signal that are looked up and shown
# What identifies a row to a person, by table.
_TELLING = {
    "DeviceProcessEvents": ["ProcessId", "LogonId", "FileName", "ProcessCommandLine"],
    "Auditd_CL": ["Serial", "ProcessId", "Session", "Exe", "CommandLine", "ContainerId"],
    "DockerDaemon_CL": ["Source", "Action", "ContainerId", "Command", "Privileged", "NetworkMode", "ExitCode"],
    "AKSAudit": ["AuditId", "Verb", "RequestUri", "User", "SourceIps", "ResponseStatus"],
}


def to_evidence(table: str, rows: list[Row]) -> list[Evidence]:
    """Evidence from the first few rows, which must have their hidden columns."""
    return [
        Evidence(
            record=str(row[RECORD]),
            table=table,
            facts={name: plain(row[name]) for name in _TELLING[table] if row.get(name) not in (None, "")},
        )
        for row in rows[:LIMIT]
    ]


def sensors_of(tables: Iterable[str]) -> list[str]:
    """The sensors of some tables, in a fixed order."""
    behind = {SENSOR_OF[table] for table in tables}
    return [sensor for sensor in dict.fromkeys(SENSOR_OF.values()) if sensor in behind]


def first_arrival(rows: list[Row]) -> float | None:
    """When the first of these rows could be read; None where unknown."""
    return min((row[ARRIVED] for row in rows if row.get(ARRIVED) is not None), default=None)


def best_table(row: Row) -> list[str]:
    """The tables, the one that shares most columns with a row first.

    If a rule renames all its columns the order means nothing, and the engine has to find the table.
    """
    shared = {name: len(row.keys() & columns.keys()) for name, columns in TABLES.items()}
    return sorted(shared, key=lambda name: -shared[name])


def origins_of(workspace: Workspace, slice_: str, row: Row) -> tuple[str, list[Row]]:
    """The table of a row of a query's output, and the table rows that it came from, hidden columns included.

    No rows where they are unknown.
    """
    for table in best_table(row):  # there are always tables
        if origins := workspace.matching(table, slice_, row):
            break
    return table, origins


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    return value.isoformat() + "Z" if isinstance(value, datetime) else value
