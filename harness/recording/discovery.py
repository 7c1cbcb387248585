"""Finding recordings in folders, at any depth. The same for every command and pytest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.errors import InvalidFiles, LivefireError, Position, RecordingDamaged
from harness.recording import layout


def find_recordings(paths: Iterable[Path]) -> list[Path]:
    """The recordings that the paths are or hold, those of one folder in alphabetical order.

    A damaged or unfinished recording is listed, too: opening it raises its error, and leaving it out would hide it. A
    path that is no folder is returned as it is. Hidden folders are not searched. Links are not followed: a link to a
    recording that is not listed otherwise is refused, and so is a dangling link beside recordings.
    Raises RecordingDamaged for a folder that holds none or can't be read, InvalidFiles for several such problems.
    """
    recordings: list[Path] = []
    problems: list[LivefireError] = []
    for path in paths:
        try:
            if not path.is_dir() or _looks_like_one(path):
                recordings.append(path)
                continue
        except OSError as error:
            problems.append(_unreadable(error, path))
            continue
        before = len(problems)
        links: list[Path] = []
        held = list(_below(path, problems, links))
        problems += _astray(links, held)
        if not held and len(problems) == before:
            message = "not a recording, and there is none in it: no manifest.json"
            problems.append(RecordingDamaged(message, at=Position(path)))
        recordings += held
    if problems:
        raise problems[0] if len(problems) == 1 else InvalidFiles(problems)
    return recordings


def _below(folder: Path, problems: list[LivefireError], links: list[Path]) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            shown = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
            names = [entry.name for entry in shown if entry.is_dir(follow_symlinks=False)]
            links += [folder / entry.name for entry in shown if entry.is_symlink()]
    except OSError as error:
        problems.append(_unreadable(error, folder))
        return
    for path in (folder / name for name in names):
        try:
            is_recording = _looks_like_one(path)
        except OSError as error:
            problems.append(_unreadable(error, path))
            continue
        if is_recording:
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
            message = "a link to a recording is not followed" if hides else ""
        except OSError:
            message = "a link that leads nowhere" if link.parent in beside else ""
        if message:
            yield RecordingDamaged(message, at=Position(link), hint="Name its target, or remove it.")


def _looks_like_one(path: Path) -> bool:
    """Whether a folder holds any file of a recording. Raises OSError."""
    return (
        layout.exists(path, layout.MANIFEST)
        or (path / layout.SEAL).is_file()
        or ((path / "raw").is_dir() and (path / "tables").is_dir())
        or any(layout.exists(path, name) for name in layout.LOGS)
        or any((path / "tables").glob("*.parquet"))
    )


def _unreadable(error: OSError, path: Path) -> RecordingDamaged:
    return RecordingDamaged(f"cannot be read: {error.strerror}", at=Position(path))
