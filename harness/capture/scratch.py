"""Where the temporary files of a live run lie: in a folder of this process below the state root, not in /tmp.

They hold telemetry, and a process that is killed can't remove them. The folder's name says whose it is, so whoever
comes next knows that its process is dead: `tmp-PID-TICKS`, TICKS being when it began (field 22 of /proc/PID/stat).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.capture.holder import is_alive, ticks
from harness.capture.root import HINT, make_root, remove_root
from harness.errors import LabUnavailable
from harness.interrupts import shielded

_NAME = re.compile(r"tmp-(\d+)-(\d+)")


@contextlib.contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """Have `tempfile`, here and in the processes that are started, use a folder below `root` while the block runs.

    Raises LabUnavailable where it can't be made.
    """
    folder = root / f"tmp-{os.getpid()}-{ticks(os.getpid())}"
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    try:
        try:
            make_root(root)
            folder.mkdir(mode=0o700, exist_ok=True)
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
            shutil.rmtree(folder, ignore_errors=True)
            remove_root(root)


def sweep(root: Path) -> list[str]:
    """Remove the folders of processes that are dead; returns their names."""
    swept = []
    for folder in sorted(root.glob("tmp-*")) if root.is_dir() else []:
        match = _NAME.fullmatch(folder.name)
        mine = not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.geteuid()
        if match and mine and not is_alive(int(match[1]), int(match[2])):
            shutil.rmtree(folder, ignore_errors=True)
            swept.append(folder.name)
    return swept
