"""A recording's tables for an engine: as they are stored, or built anew from the raw logs."""

from __future__ import annotations

import contextlib
import tempfile

from harness.errors import LimitMet, Position
from harness.proof.engines import Engine, OtherColumns
from harness.proof.tables import build_tables, write_tables_to
from harness.proof.tables.schema import TABLES, VERSION
from harness.recording import Recording, layout


def load(engine: Engine, recording: Recording, *, from_raw: bool = False) -> str:
    """Load the tables. Returns why they were built anew; empty for those that are stored. Raises LimitMet.

    What counts is the raw logs. The stored tables save time, where they are what this version would make of them.
    """
    why = "asked for" if from_raw else _outdated(recording)
    if not why:
        try:
            _load(engine, recording, recording.sealed)
            return ""
        except OtherColumns as error:
            why = str(error)
    with contextlib.ExitStack() as stack:
        built = {name: stack.enter_context(tempfile.TemporaryFile()) for name in TABLES}
        write_tables_to(build_tables(recording.sealed, recording.manifest), built)
        _load(engine, recording, layout.Nameless({f"tables/{name}.parquet": file for name, file in built.items()}))
    return why


def _load(engine: Engine, recording: Recording, root: layout.Root) -> None:
    try:
        engine.load(root)
    except LimitMet as error:
        error.at = Position(recording.path)
        raise


def _outdated(recording: Recording) -> str:
    """Why the stored tables can't be those that this version makes; empty where they can."""
    if recording.manifest.tables != VERSION:
        return f"those stored are of version {recording.manifest.tables}, and this is version {VERSION}"
    missing = [name for name in TABLES if not (recording.path / "tables" / f"{name}.parquet").is_file()]
    return f"{missing[0]} is not stored" if missing else ""
