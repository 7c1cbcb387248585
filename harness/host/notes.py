"""Who made what on this machine, whatever the state folder: so that the next capture can undo what dead ones left.

Only root leaves something in the kernel, so root notes each folder that it makes at a fixed place, with the process
that made it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.host.holder import is_alive, ticks
from harness.interrupts import shielded

NOTES = Path("/run/livefire/made")


@dataclass(frozen=True)
class Note:
    """A folder of a run or a lab, and who made it. `pids` is the namespace in which `pid` is a number."""

    path: str
    pid: int
    began: int
    pids: int

    def is_dead(self) -> bool:
        """Whether its maker has ended; not where that can't be told."""
        return self.pids == _pids() and not is_alive(self.pid, self.began)


def note(path: Path) -> None:
    """Note a folder that this process is about to make. It is no error where that can't be done."""
    if os.geteuid() != 0:
        return
    pid = os.getpid()
    text = json.dumps(asdict(Note(str(path), pid, ticks(pid), _pids())))
    with shielded(), contextlib.suppress(OSError):
        NOTES.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_safe():
            fresh = NOTES / f".{path.name}"
            fresh.write_text(text, encoding="utf-8")
            fresh.rename(NOTES / path.name)


def forget(path: Path) -> None:
    """A folder is gone, and all that was made for it."""
    found = noted().get(path.name)
    if found and found.path == str(path):
        with shielded(), contextlib.suppress(OSError):
            (NOTES / path.name).unlink()
            NOTES.rmdir()
            NOTES.parent.rmdir()


def noted() -> dict[str, Note]:
    """What is noted, by the name of the folder. What can't be read is no note."""
    found: dict[str, Note] = {}
    if os.geteuid() == 0 and _is_safe():
        for path in NOTES.iterdir():
            with contextlib.suppress(OSError, ValueError, TypeError):
                each = Note(**json.loads(path.read_text(encoding="utf-8")))
                if Path(each.path).name == path.name and isinstance(each.pid, int):
                    found[path.name] = each
    return found


def _is_safe() -> bool:
    """Whether nobody but root can have written a note."""
    for place in (NOTES, NOTES.parent):
        try:
            found = place.lstat()
        except OSError:
            return False
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
            return False
    return True


def _pids() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino
