"""Telemetry as tables: pure functions from the raw records of a recording to rows, and the rows on disk."""

from __future__ import annotations

import json
import tempfile
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from harness.model.manifest import Manifest
from harness.proof.tables.aks_audit import aks_audit_rows
from harness.proof.tables.arrivals import Arrivals
from harness.proof.tables.audit_log import AuditEvent, read_events
from harness.proof.tables.docker_daemon import LogRows
from harness.proof.tables.docker_events import event_rows
from harness.proof.tables.exec_rows import ExecRows
from harness.proof.tables.schema import HIDDEN, SQL_TYPES, TABLES, Tables
from harness.recording import layout

if TYPE_CHECKING:
    from harness.proof.attribution import Attribution


def build_tables(root: layout.Root, manifest: Manifest) -> Tables:
    """All tables from the raw files below `root`. A file that is not there gives no rows."""
    # here, since attribution reads the audit records of this package: either may be imported first
    from harness.proof.attribution import (
        Attribution,
        read_pod_creations,
        read_pod_names,
        read_processes,
        read_requests,
        read_residents,
        read_runners,
    )
    from harness.proof.tables.docker_requests import request_rows

    asked = _lines(root, layout.DAEMON_REQUESTS)
    requests = read_requests(asked)
    creations = read_pod_creations(_byte_lines(root, layout.KUBE_AUDIT))
    arrivals = Arrivals(root)
    audit = _byte_lines(root, layout.AUDIT_LOG)
    events = list(read_events(line.decode(errors="replace") for line in audit))
    told = _byte_lines(root, layout.DAEMON_EVENTS)
    pods, kube = _lines(root, layout.KUBE_PODS), _byte_lines(root, layout.KUBE_AUDIT)
    residents = read_residents(manifest, _lines(root, layout.ALIVE), events)
    attribution = Attribution(
        manifest,
        requests,
        creations.owners(pods),
        read_processes(events, residents.processes()),
        told,
        kube,
        read_pod_names(pods),
        residents,
        read_runners(pods, creations),
    )
    execs = _exec_rows(events, audit, manifest, attribution, arrivals)
    happened, inspected = event_rows(told, layout.DAEMON_EVENTS, attribution, arrivals.of(layout.DAEMON_EVENTS))
    log = LogRows(layout.DAEMON_LOG, attribution, inspected)
    logged = list(log.rows(_byte_lines(root, layout.DAEMON_LOG), arrivals.of(layout.DAEMON_LOG)))
    answered = request_rows(asked, layout.DAEMON_REQUESTS, attribution.requests)
    docker = sorted(happened + logged + answered, key=lambda row: str(row["TimeGenerated"]))
    for row in docker:
        row["Computer"] = manifest.host.hostname
    return {
        "DeviceProcessEvents": execs.processes,
        "Auditd_CL": execs.auditd,
        "DockerDaemon_CL": docker,
        "AKSAudit": aks_audit_rows(kube, layout.KUBE_AUDIT, attribution.callers, arrivals.of(layout.KUBE_AUDIT)),
    }


def _exec_rows(
    events: list[AuditEvent], lines: list[bytes], manifest: Manifest, attribution: Attribution, arrivals: Arrivals
) -> ExecRows:
    rows = ExecRows(attribution, manifest.host.hostname, layout.AUDIT_LOG)
    ends = [0, *accumulate(map(len, lines))]
    arrival = arrivals.of(layout.AUDIT_LOG)
    for event in events:
        rows.add(event, arrival(ends[event.records[-1].line]))
    return rows


def write_tables(tables: Tables, root: Path) -> None:
    """Write `root/tables/NAME.parquet` for each table."""
    folder = root / "tables"
    folder.mkdir(exist_ok=True)
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
                f"maximum_object_size=1073741824)) TO '{str(folder / name).replace(chr(39), chr(39) * 2)}.parquet' "
                "(FORMAT parquet, COMPRESSION zstd)",
                [f"/dev/fd/{source.fileno()}"],  # a path in a temporary folder would be taken for a pattern
            )
            source.close()


def _byte_lines(root: layout.Root, name: str) -> list[bytes]:
    return layout.read(root, name).splitlines(keepends=True)


def _lines(root: layout.Root, name: str) -> list[str]:
    return [line.decode(errors="replace") for line in _byte_lines(root, name)]
