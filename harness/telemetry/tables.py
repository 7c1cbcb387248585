"""Telemetry as tables: pure functions from the raw records of a recording to rows, and the rows on disk."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import duckdb

from harness.model.manifest import Manifest
from harness.recording import layout
from harness.telemetry.attribution import Attribution, processes_of, read_processes, read_residents, read_sessions
from harness.telemetry.readers.alive_processes import read_alive
from harness.telemetry.readers.arrivals import Arrivals
from harness.telemetry.readers.audit_log import AuditEvent, read_events
from harness.telemetry.readers.gateway_requests import read_requests
from harness.telemetry.readers.seen_pods import read_pods
from harness.telemetry.rows.aks_audit_rows import aks_audit_rows
from harness.telemetry.rows.daemon_event_rows import event_rows
from harness.telemetry.rows.daemon_log_rows import LogRows
from harness.telemetry.rows.exec_rows import ExecRows
from harness.telemetry.rows.request_rows import request_rows
from harness.telemetry.schema import HIDDEN, RECORD, SLICE, SQL_TYPES, TABLES, Row, Tables


def build_tables(root: layout.Root, manifest: Manifest) -> Tables:
    """All tables from the raw files below `root`. A missing file gives no rows."""
    root = layout.KeptFiles.of(root)
    audit, kube = _byte_lines(root, layout.AUDIT_LOG), _byte_lines(root, layout.KUBE_AUDIT)
    events = list(read_events(line.decode(errors="replace") for line in audit))
    arrivals, attribution = Arrivals(root), _attribution(root, manifest, events, kube)
    processes, executions = _exec_rows(events, audit, manifest, attribution, arrivals)
    docker = _docker_rows(root, attribution, arrivals)
    for row in docker:
        row["Computer"] = manifest.host.hostname
    return {
        "DeviceProcessEvents": processes,
        "Auditd_CL": executions,
        "DockerDaemon_CL": docker,
        "AKSAudit": aks_audit_rows(kube, layout.KUBE_AUDIT, attribution.callers, arrivals.of(layout.KUBE_AUDIT)),
    }


def _attribution(root: layout.Root, manifest: Manifest, events: list[AuditEvent], kube: list[bytes]) -> Attribution:
    alive = read_alive(_lines(root, layout.ALIVE))
    sessions = read_sessions(manifest, events, processes_of(alive))
    return Attribution(
        manifest,
        read_requests(_lines(root, layout.DAEMON_REQUESTS)),
        read_processes(events, processes_of(alive)),
        _byte_lines(root, layout.DAEMON_EVENTS),
        kube,
        read_pods(_lines(root, layout.KUBE_PODS)),
        read_residents(manifest, alive, events, sessions.of),
        sessions,
    )


def _docker_rows(root: layout.Root, attribution: Attribution, arrivals: Arrivals) -> list[Row]:
    event_lines, request_lines = _byte_lines(root, layout.DAEMON_EVENTS), _lines(root, layout.DAEMON_REQUESTS)
    happened, inspected = event_rows(event_lines, layout.DAEMON_EVENTS, attribution, arrivals.of(layout.DAEMON_EVENTS))
    log = LogRows(layout.DAEMON_LOG, attribution, inspected)
    logged = list(log.rows(_byte_lines(root, layout.DAEMON_LOG), arrivals.of(layout.DAEMON_LOG)))
    answered = request_rows(request_lines, layout.DAEMON_REQUESTS, attribution.requests)
    return sorted(happened + logged + answered, key=lambda row: str(row["TimeGenerated"]))


def _exec_rows(
    events: list[AuditEvent], lines: list[bytes], manifest: Manifest, attribution: Attribution, arrivals: Arrivals
) -> tuple[list[Row], list[Row]]:
    """The rows of processes and of executions."""
    rows = ExecRows(attribution, manifest.host.hostname, layout.AUDIT_LOG)
    ends = [0, *accumulate(map(len, lines))]
    arrival = arrivals.of(layout.AUDIT_LOG)
    for event in events:
        rows.add(event, arrival(ends[event.records[-1].line]))
    return rows.processes, rows.auditd


def write_tables(tables: Tables, root: Path) -> None:
    """Write `root/tables/NAME.parquet` for each table."""
    (root / "tables").mkdir(exist_ok=True)
    _write(tables, {name: str(root / layout.table_file(name)) for name in tables})


def write_tables_to(tables: Tables, files: Mapping[str, BinaryIO]) -> None:
    """Write each table as Parquet into its file, which may be unnamed."""
    _write(tables, {name: f"/dev/fd/{files[name].fileno()}" for name in tables})


def _write(tables: Tables, paths: Mapping[str, str]) -> None:
    with duckdb.connect(":memory:") as con:
        for name, rows in tables.items():
            # JSON may name half of a surrogate pair (\ud800), which no text can hold: it becomes a question mark
            source = tempfile.TemporaryFile("w", encoding="utf-8", errors="replace")  # noqa: SIM115 -- closed below
            source.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            source.flush()
            columns = {column: SQL_TYPES[kind] for column, kind in (TABLES[name] | HIDDEN).items()}
            spec = ", ".join(f"'{column}': '{kind}'" for column, kind in columns.items())
            con.execute(
                f"COPY (SELECT * FROM read_json(?, format='newline_delimited', columns={{{spec}}}, "
                f"maximum_object_size=1073741824)) TO '{paths[name].replace(chr(39), chr(39) * 2)}' "
                "(FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
                [f"/dev/fd/{source.fileno()}"],  # a path in a temporary folder would be taken for a pattern
            )
            source.close()


def same_rows(name: str, stored: BinaryIO, built: BinaryIO) -> bool:
    """Whether two files hold the same rows of a table, in any order. Arrival times may differ.

    False where one can't be read.
    """
    built.seek(0)
    if stored.read() == built.read():  # the usual case; another version of DuckDB writes other bytes
        return True
    names = ", ".join(f'CAST("{column}" AS VARCHAR)' for column in [*TABLES[name], SLICE, RECORD])
    with duckdb.connect(":memory:", config={"autoload_known_extensions": False}) as con:
        # a path in a temporary folder would be taken for a pattern
        first, second = (
            f"SELECT {names} FROM read_parquet('/dev/fd/{file.fileno()}', hive_partitioning = false)"
            for file in (stored, built)
        )
        try:
            return not con.execute(f"({first} EXCEPT ALL {second}) UNION ALL ({second} EXCEPT ALL {first})").fetchone()
        except duckdb.Error:
            return False


def _byte_lines(root: layout.Root, name: str) -> list[bytes]:
    return layout.read(root, name).splitlines(keepends=True)


def _lines(root: layout.Root, name: str) -> list[str]:
    return [line.decode(errors="replace") for line in _byte_lines(root, name)]
