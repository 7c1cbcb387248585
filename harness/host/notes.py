"""Notes of who made which folder, in any state folder, so that the next capture can undo what dead ones left.

Only root leaves something in the kernel. So root notes each folder that it makes at a fixed place, with its process.
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
    """A folder of a run or a lab, and the process that made it. `pids` is the pid namespace of `pid`."""

    path: str
    pid: int
    began: int
    pids: int

    def is_dead(self) -> bool:
        """Whether its process has ended; False where that is not known."""
        return self.pids == _pids() and not is_alive(self.pid, self.began)


def note(path: Path) -> None:
    """Note a folder that this process is about to make. A failure to do so is no error."""
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
    """Remove the note of a folder, after the folder and all that was made for it is gone."""
    entry = noted().get(path.name)
    if entry and entry.path == str(path):
        with shielded(), contextlib.suppress(OSError):
            (NOTES / path.name).unlink()
            NOTES.rmdir()
            NOTES.parent.rmdir()


def noted() -> dict[str, Note]:
    """The notes, by the name of the folder. A note that can't be read is left out."""
    notes: dict[str, Note] = {}
    if os.geteuid() == 0 and _is_safe():
        for path in NOTES.iterdir():
            with contextlib.suppress(OSError, ValueError, TypeError):
                entry = Note(**json.loads(path.read_text(encoding="utf-8")))
                if Path(entry.path).name == path.name and isinstance(entry.pid, int):
                    notes[path.name] = entry
    return notes


def _is_safe() -> bool:
    """Whether nobody but root can have written a note."""
    for place in (NOTES, NOTES.parent):
        try:
            state = place.lstat()
        except OSError:
            return False
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != 0 or state.st_mode & 0o022:
            return False
    return True


def _pids() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino
