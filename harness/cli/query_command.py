"""`livefire query` and `livefire tables`: look at the telemetry of a recording."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from harness.cli.query_requests import Format, Query, Tables
from harness.errors import InvalidInput, Position
from harness.files.rows_file import print_rows_csv, print_rows_json, shown
from harness.files.rule_file import load_rule
from harness.files.yaml_reading import read_text
from harness.judge.looking import answer, slice_of, workspace_of
from harness.kql.workspace import Workspace
from harness.model.source import did_you_mean
from harness.recording import open_recording
from harness.report.rows_text import print_rows, print_tables
from harness.report.terminal import Terminal
from harness.telemetry.schema import TABLES

_SAMPLED = 1000  # rows of a table that are searched for sample values


def query(request: Query) -> None:
    """`livefire query`. Raises InvalidInput for a query that does not run, RecordingDamaged, LimitMet."""
    kql, at = _query(request.kql)
    recording = open_recording(request.path)
    workspace = workspace_of(recording, request.limits, from_raw=request.from_raw)
    columns, rows = answer(kql, slice_of(request.slices or [], recording, workspace), workspace, at)
    if request.format is Format.JSON:
        print_rows_json(columns, rows)
    elif request.format is Format.CSV:
        print_rows_csv(columns, rows)
    else:
        print_rows(columns, rows, request.limit, Terminal())


def tables(request: Tables) -> None:
    """`livefire tables`. Raises InvalidInput for a table that there is not, RecordingDamaged, LimitMet."""
    for name in request.table or []:
        if name not in TABLES:
            raise InvalidInput(f"there is no table '{name}'", hint=did_you_mean(name, sorted(TABLES)))
    chosen = {name: columns for name, columns in TABLES.items() if name in (request.table or TABLES)}
    if request.path is None:
        print_tables(None, {name: {c: (kind, "") for c, kind in columns.items()} for name, columns in chosen.items()})
        return
    recording = open_recording(request.path)
    workspace = workspace_of(recording, request.limits, from_raw=request.from_raw)
    slice_ = slice_of(request.slices or [], recording, workspace)
    print_tables(
        {name: workspace.count(slice_)[name] for name in chosen},
        {name: _samples(name, columns, slice_, workspace) for name, columns in chosen.items()},
    )


def _query(text: str) -> tuple[str, Callable[[int, int], Position] | None]:
    """The KQL that an argument names, and where each line and column of it stands, if that is in a file."""
    if text == "-":
        return sys.stdin.read(), None
    path = Path(text)
    if path.suffix in (".yaml", ".yml"):
        rule = load_rule(path)
        return rule.query, rule.at
    if path.suffix == ".kql":
        return read_text(path), lambda line, column: Position(path, line, column)
    return text, None


def _samples(table: str, columns: dict[str, str], slice_: str, workspace: Workspace) -> dict[str, tuple[str, str]]:
    """The type of each column, and the first value that it has."""
    rows = workspace.query(f"{table} | take {_SAMPLED}", slice_)
    values = {name: next(filter(None, (shown(row.get(name)) for row in rows)), "") for name in columns}
    return {name: (kind, values[name]) for name, kind in columns.items()}
