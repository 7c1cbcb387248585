"""A recording's tables for an engine: as they are stored, or built anew from the raw logs.

What counts is the raw logs. The stored tables save time, where they are what this version would make of them.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

from harness.errors import LimitMet, Position, RecordingDamaged
from harness.judge.times import require_timely
from harness.kql.workspace import Workspace
from harness.recording import Recording, layout
from harness.telemetry.derivation import is_vouched_for, require_derived
from harness.telemetry.schema import TABLES, VERSION
from harness.telemetry.stored_tables import OtherColumns
from harness.telemetry.tables import build_tables, same_rows, write_tables_to


@dataclass(frozen=True)
class Loaded:
    """What was loaded: why the tables were built anew, and which stored ones of this version hold something else."""

    source: Literal["stored tables", "raw logs"]
    why: str = ""
    differing: list[str] = field(default_factory=list)


def load(workspace: Workspace, recording: Recording, *, from_raw: bool = False) -> Loaded:
    """Load the tables.

    Raises RecordingDamaged for stored tables that don't follow from the raw logs, as far as the hashes and counts tell
    that were noted when they were made, and for telemetry that is not of the capture's time. With `from_raw` the logs
    decide, and a recording is refused only where its own note says that its tables are theirs, and they aren't.
    Raises LimitMet.
    """
    why = "asked for" if from_raw else _outdated(recording)
    if not why:
        try:
            _load(workspace, recording, recording.sealed)
        except OtherColumns as error:
            why = str(error)
        else:
            spans = workspace.spans()
            counts = {name: {slice_: span.rows for slice_, span in spans[name].items()} for name in TABLES}
            require_derived(recording, counts)
            require_timely(recording, spans)
            return Loaded("stored tables")
    with contextlib.ExitStack() as stack:
        built = {layout.table_file(name): stack.enter_context(tempfile.TemporaryFile()) for name in TABLES}
        write_tables_to(
            build_tables(recording.sealed, recording.manifest),
            {name: built[layout.table_file(name)] for name in TABLES},
        )
        _load(workspace, recording, layout.Nameless(built))
        differing = _differing(recording, built)
    require_timely(recording, workspace.spans())
    return Loaded("raw logs", why, differing)


def _load(workspace: Workspace, recording: Recording, root: layout.Root) -> None:
    try:
        workspace.load(root)
    except LimitMet as error:
        error.at = Position(recording.path)
        raise


def _outdated(recording: Recording) -> str:
    """Why the stored tables can't be those that this version makes, or nothing tells; empty where they can be."""
    if recording.manifest.tables != VERSION:
        return f"those stored are of version {recording.manifest.tables}, and this is version {VERSION}"
    missing = [name for name in TABLES if not (recording.path / layout.table_file(name)).is_file()]
    if missing:
        return f"{missing[0]} is not stored"
    return "" if recording.manifest.derivation else "nothing tells what those stored were made from"


def _differing(recording: Recording, built: Mapping[str, BinaryIO]) -> list[str]:
    """The stored tables that hold something else than those that were built from the raw logs.

    Raises RecordingDamaged where the recording's note vouches for such a table: then the note is false.
    """
    if recording.manifest.tables != VERSION:
        return []
    differing = []
    for name in TABLES:
        stored = layout.copy(recording.sealed, layout.table_file(name))
        if stored is not None:
            with stored:
                if not same_rows(name, stored, built[layout.table_file(name)]):
                    differing.append(name)
    if differing and is_vouched_for(recording):
        raise RecordingDamaged(
            f"{differing[0]} doesn't follow from the raw logs, though the manifest says so",
            at=Position(recording.path / layout.table_file(differing[0])),
            hint="It was changed, and the recording sealed anew with another hash of it.",
        )
    return differing
