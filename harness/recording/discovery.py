"""Finding recordings: a folder that is one, or that holds some, however deep."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import Position, RecordingDamaged
from harness.recording import layout


def find_recordings(paths: Iterable[Path]) -> list[Path]:
    """The recordings that the paths are or hold, those of one folder in alphabetical order.

    What looks like a recording is taken for one, damaged or unfinished: opening it says what is wrong, where passing it
    over would hide it. Raises RecordingDamaged for a folder that holds none; a path that is no folder is returned as it
    is. Hidden folders and links are not searched.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir() or _looks_like_one(path):
            found.append(path)
            continue
        held = list(_below(path))
        if not held:
            raise RecordingDamaged("not a recording, and there is none in it: no manifest.json", at=Position(path))
        found += held
    return found


def _below(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith("."))
    for name in names:
        path = folder / name
        if _looks_like_one(path):
            yield path
        else:
            yield from _below(path)


def _looks_like_one(path: Path) -> bool:
    """A capture makes raw/ and tables/ first, and the manifest and the seal last."""
    return (
        layout.exists(path, layout.MANIFEST)
        or (path / layout.SEAL).is_file()
        or ((path / "raw").is_dir() and (path / "tables").is_dir())
    )
