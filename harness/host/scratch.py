"""The temporary files of a live run: in a folder of this process below the state root, not in /tmp.

They hold telemetry, and a process that is killed can't remove them. The folder's name is `tmp-PID-TICKS`, where TICKS
is the start of the process (field 22 of /proc/PID/stat), so the next run can tell that its process is dead. Folders of
root are noted as well (notes.py), so a run with another state folder finds them.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.errors import LabUnavailable
from harness.host.holder import is_alive, ticks
from harness.host.notes import forget, note, noted
from harness.host.removal import remove_tree
from harness.host.state_root import HINT, make_root, remove_root
from harness.interrupts import shielded

_NAME = re.compile(r"tmp-(\d+)-(\d+)(-shared)?")


@contextlib.contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """Have `tempfile`, here and in processes started from here, use a folder below `root` while the block runs.

    Raises LabUnavailable where it can't be made.
    """
    folder = _folder(root)
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    _in_use.add(folder)
    try:
        try:
            _make(folder)
        except OSError as error:
            raise LabUnavailable(f"{root}: {error.strerror}", hint=HINT) from None
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        yield folder
    finally:
        with shielded("still undoing"):
            tempfile.tempdir = before[0]
            os.environ.pop("TMPDIR", None)
            if before[1] is not None:
                os.environ["TMPDIR"] = before[1]
            remove_scratch(folder)
            _in_use.discard(folder)


def remove_left() -> None:
    """Remove what `scratch` has made and not removed: an interrupt may have come before the line that removes."""
    for folder in tuple(_in_use):
        remove_scratch(folder)
        _in_use.discard(folder)


def make_shared(root: Path) -> Path:
    """A folder of this process that other processes read, too, until `remove_scratch`. Removes those of dead ones.

    Raises OSError or Refused where it can't be made.
    """
    folder = _folder(root, "-shared")
    _make(folder)
    sweep(root)
    return folder


def remove_scratch(folder: Path) -> None:
    """Remove such a folder, and the state root if nothing else is in it."""
    with contextlib.suppress(OSError):
        remove_tree(folder)
    if not folder.exists():
        forget(folder)
    remove_root(folder.parent)


def sweep(root: Path) -> list[str]:
    """Remove the folders of dead processes, below `root` and where they are noted; returns their names."""
    noted_here = [Path(note.path) for name, note in noted().items() if _NAME.fullmatch(name) and note.is_dead()]
    swept = []
    for folder in sorted({*root.glob("tmp-*"), *noted_here} if root.is_dir() else noted_here):
        match = _NAME.fullmatch(folder.name)
        mine = not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.geteuid()
        if match and mine and not is_alive(int(match[1]), int(match[2])):
            remove_scratch(folder)
            swept.append(folder.name)
        elif match and folder in noted_here and not folder.exists():
            forget(folder)
    return swept


def is_scratch(path: Path) -> bool:
    """Whether a path has the name of a scratch folder."""
    return bool(_NAME.fullmatch(path.name))


_in_use: set[Path] = set()  # by this process


def _folder(root: Path, suffix: str = "") -> Path:
    return root / f"tmp-{os.getpid()}-{ticks(os.getpid())}{suffix}"


def _make(folder: Path) -> None:
    make_root(folder.parent)
    note(folder)
    folder.mkdir(mode=0o700, exist_ok=True)
