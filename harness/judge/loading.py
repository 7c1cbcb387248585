"""Loads the tables of a recording into an engine: the stored ones, or new ones from the raw logs.

The raw logs decide. The stored tables save time, if they are what this version would make from the logs.
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
    """What was loaded, why tables were built from raw logs, and which stored ones of this version differ from those."""

    source: Literal["stored tables", "raw logs"]
    why: str = ""
    differing: list[str] = field(default_factory=list)


def load(workspace: Workspace, recording: Recording, *, from_raw: bool = False) -> Loaded:
    """Load the tables.

    Raises RecordingDamaged for stored tables that don't follow from the raw logs, by the hashes and counts that were
    noted when they were made, and for telemetry from outside the capture's time. With `from_raw` the logs decide, and
    stored tables are refused only where the note vouches for them and is false. Raises LimitMet.
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
    except ValueError as error:
        raise RecordingDamaged(str(error), at=Position(recording.path)) from None


def _outdated(recording: Recording) -> str:
    """Why the stored tables can't be used; empty where they can."""
    if recording.manifest.tables != VERSION:
        return f"the stored tables are of version {recording.manifest.tables}, not of version {VERSION}"
    missing = [name for name in TABLES if not (recording.path / layout.table_file(name)).is_file()]
    if missing:
        return f"{missing[0]} is not stored"
    return "" if recording.manifest.derivation else "the recording has no note on its stored tables"


def _differing(recording: Recording, built: Mapping[str, BinaryIO]) -> list[str]:
    """The stored tables that differ from those built from the raw logs.

    Raises RecordingDamaged where the recording's note vouches for such a table, since then the note is false.
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
