"""Finding recordings: a folder that is one, or that holds some, however deep. The same for every command and pytest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import InvalidFiles, LivefireError, Position, RecordingDamaged
from harness.recording import layout


def find_recordings(paths: Iterable[Path]) -> list[Path]:
    """The recordings that the paths are or hold, those of one folder in alphabetical order.

    What looks like a recording is taken for one, damaged or unfinished: opening it says what is wrong, where passing it
    over would hide it. Raises RecordingDamaged for a folder that holds none or can't be read, InvalidFiles for several;
    a path that is no folder is returned as it is. Hidden folders and links are not searched.
    """
    found: list[Path] = []
    problems: list[LivefireError] = []
    for path in paths:
        try:
            if not path.is_dir() or _looks_like_one(path):
                found.append(path)
                continue
        except OSError as error:
            problems.append(_unreadable(error, path))
            continue
        before = len(problems)
        held = list(_below(path, problems))
        if not held and len(problems) == before:
            said = "not a recording, and there is none in it: no manifest.json"
            problems.append(RecordingDamaged(said, at=Position(path)))
        found += held
    if problems:
        raise problems[0] if len(problems) == 1 else InvalidFiles(problems)
    return found


def _below(folder: Path, problems: list[LivefireError]) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith("."))
    except OSError as error:
        problems.append(_unreadable(error, folder))
        return
    for path in (folder / name for name in names):
        try:
            found = _looks_like_one(path)
        except OSError as error:
            problems.append(_unreadable(error, path))
            continue
        if found:
            yield path
        else:
            yield from _below(path, problems)


def _looks_like_one(path: Path) -> bool:
    """A capture makes raw/ and tables/ first, and the manifest and the seal last. Raises OSError."""
    return (
        layout.exists(path, layout.MANIFEST)
        or (path / layout.SEAL).is_file()
        or ((path / "raw").is_dir() and (path / "tables").is_dir())
    )


def _unreadable(error: OSError, path: Path) -> RecordingDamaged:
    return RecordingDamaged(f"cannot be read: {error.strerror}", at=Position(path))
