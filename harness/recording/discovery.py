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
    a path that is no folder is returned as it is. Hidden folders are not searched. A link is not followed: one that
    leads to a recording which is not found otherwise is refused, as is one that leads nowhere, beside recordings.
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
        links: list[Path] = []
        held = list(_below(path, problems, links))
        problems += _astray(links, held)
        if not held and len(problems) == before:
            said = "not a recording, and there is none in it: no manifest.json"
            problems.append(RecordingDamaged(said, at=Position(path)))
        found += held
    if problems:
        raise problems[0] if len(problems) == 1 else InvalidFiles(problems)
    return found


def _below(folder: Path, problems: list[LivefireError], links: list[Path]) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            shown = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda each: each.name)
            names = [entry.name for entry in shown if entry.is_dir(follow_symlinks=False)]
            links += [folder / entry.name for entry in shown if entry.is_symlink()]
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
            yield from _below(path, problems, links)


def _astray(links: list[Path], held: list[Path]) -> Iterator[RecordingDamaged]:
    """A mistake for each link that hides a recording."""
    known, beside = {path.resolve() for path in held}, {path.parent for path in held}
    for link in links:
        try:
            target = link.resolve(strict=True)
            hides = target not in known and target.is_dir() and _looks_like_one(target)
            said = "a link to a recording is not followed" if hides else ""
        except OSError:
            said = "a link that leads nowhere" if link.parent in beside else ""
        if said:
            yield RecordingDamaged(said, at=Position(link), hint="Name its target, or remove it.")


def _looks_like_one(path: Path) -> bool:
    """Whether anything of a recording is in it, whatever is missing. Raises OSError."""
    return (
        layout.exists(path, layout.MANIFEST)
        or (path / layout.SEAL).is_file()
        or ((path / "raw").is_dir() and (path / "tables").is_dir())
        or any(layout.exists(path, name) for name in layout.LOGS)
        or any((path / "tables").glob("*.parquet"))
    )


def _unreadable(error: OSError, path: Path) -> RecordingDamaged:
    return RecordingDamaged(f"cannot be read: {error.strerror}", at=Position(path))
