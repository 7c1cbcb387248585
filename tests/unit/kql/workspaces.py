"""An engine over a few rows, for tests."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from harness.kql.engine import Row
from harness.kql.engine_choice import new_workspace
from harness.kql.workspace import Workspace
from harness.telemetry.schema import RECORD, SLICE, complete
from harness.telemetry.tables import write_tables


def workspace_of(folder: Path, slices: dict[str, list[tuple[str, Row]]]) -> Workspace:
    """Each slice has rows of tables; one that doesn't say where it stands in the recording has a place of its own."""
    tables: dict[str, list[Row]] = {}
    for slice_, rows in slices.items():
        for line, (table, row) in enumerate(rows, 1):
            place = {RECORD: f"raw/{slice_}:{line}", SLICE: slice_}
            tables.setdefault(table, []).append(complete(table, place | row))
    root = Path(tempfile.mkdtemp(dir=folder))
    write_tables(tables, root)
    workspace = new_workspace(datetime(2026, 1, 2, tzinfo=UTC))
    workspace.load(root)
    return workspace
