"""A recording's tables for an engine: as they are stored, or built anew from the raw logs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from harness.proof.engines import Engine
from harness.proof.tables import build_tables, write_tables
from harness.proof.tables.schema import HIDDEN, TABLES, VERSION
from harness.recording import Recording


def load(engine: Engine, recording: Recording, *, from_raw: bool = False) -> str:
    """Load the tables. Returns why they were built anew; empty for those that are stored.

    What counts is the raw logs. The stored tables save time, where they are what this version would make of them.
    """
    why = "asked for" if from_raw else outdated(recording)
    if not why:
        engine.load(recording.path / "tables")
        return ""
    with tempfile.TemporaryDirectory() as scratch:
        write_tables(build_tables(recording.path, recording.manifest), Path(scratch))
        engine.load(Path(scratch) / "tables")
    return why


def outdated(recording: Recording) -> str:
    """Why the stored tables can't be used; empty where they can."""
    stored = recording.manifest.tables
    if stored != VERSION:
        return f"those stored are of version {stored}, and this is version {VERSION}"
    for name, columns in TABLES.items():
        path = recording.path / "tables" / f"{name}.parquet"
        if not path.is_file():
            return f"{name} is not stored"
        missing = sorted((columns | HIDDEN).keys() - _columns(path))
        if missing:
            return f"{name} is stored without {missing[0]}"
    return ""


def _columns(path: Path) -> set[str]:
    """The columns of a Parquet file; none where it can't be read."""
    try:
        with duckdb.connect(":memory:", config={"threads": 1}) as con:
            found = con.execute("SELECT name FROM parquet_schema(?)", [str(path)]).fetchall()
    except duckdb.Error:
        return set()
    return {name for (name,) in found}
