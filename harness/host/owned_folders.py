"""The folders of runs and labs, each with the ledger of what was made for it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from pathlib import Path

from harness import interrupts
from harness.errors import Busy, LabUnavailable, LivefireError
from harness.host import cgroup as cgroup  # registers how control groups are undone
from harness.host import undo as undo  # registers how folders and processes are undone
from harness.host.ledger import Ledger
from harness.host.locks import exclusive as exclusive
from harness.host.locks import let_go
from harness.host.locks import sole_capture as sole_capture
from harness.host.notes import forget, note
from harness.host.scratch import remove_left
from harness.host.state_root import HINT, make_root, safe_root
from harness.host.state_root import cache_root as cache_root
from harness.host.state_root import state_root as state_root
from harness.interrupts import shielded

# sun_path holds 107 bytes (unix(7)); the deepest socket is LAB/docker/exec/libnetwork/TWELVE_HEX.sock
_LONGEST_ROOT = 107 - len("/lab-3f9a1c/docker/exec/libnetwork/0123456789ab.sock")
_OURS = re.compile(r"(lab|run)-[0-9a-f]{6}")


KEPT = "lab.json"  # in the folder of a kept lab: what it is


def new_id(kind: str) -> str:
    """A name for a lab or a run: `lab-3f9a1c`."""
    return f"{kind}-{secrets.token_hex(3)}"


class OwnedFolder:
    """A folder, mode 0700, with the ledger of everything that was made for it. Undoing the ledger removes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self.ledger = Ledger(path / undo.LEDGER)

    @classmethod
    def create(cls, kind: str) -> OwnedFolder:
        """A new folder below the state root. The ledger's first entry is the folder itself."""
        interrupts.check()  # a library may have swallowed the exception
        root = safe_root()
        if len(os.fsencode(root)) > _LONGEST_ROOT:
            hint = (
                f"Sockets lie in it, and their paths are limited: set LIVEFIRE_STATE to {_LONGEST_ROOT} bytes or less."
            )
            raise LabUnavailable(f"the path of the state folder is too long: {root}", hint=hint)
        try:
            make_root()
            owned = cls(root / new_id(kind))
            _made.append(owned)
            note(owned.path)
            owned.path.mkdir(mode=0o700)
        except OSError as error:
            raise LabUnavailable(f"{root}: {error.strerror}", hint=HINT) from None
        owned.ledger.add("folder", path=str(owned.path))
        return owned

    @property
    def started(self) -> float:
        """When it was made, in seconds since the epoch, by its ledger, else by the folder's mtime."""
        with contextlib.suppress(OSError):
            return self.ledger.read().started or self.path.stat().st_mtime
        return 0.0

    @property
    def kept(self) -> bool:
        """Whether it belongs to a lab that was left running for the next run."""
        return (self.path / KEPT).exists()

    def undo(self) -> list[str]:
        """Undo all that is in its ledger, and remove it; returns what could not be undone."""
        with shielded("still undoing"):
            remains = self.ledger.undo()
            if not remains:
                forget(self.path)
        return remains


_made: list[OwnedFolder] = []  # by this process


def undo_unfinished() -> list[str]:
    """Undo what this process has made, and neither undone nor kept; returns what could not be undone.

    For the end of an interrupted process: an interrupt may come between making a thing and the block that undoes it.
    """
    let_go()
    for owned in _made:
        if not owned.path.exists():
            forget(owned.path)
    unfinished = [owned for owned in reversed(_made) if owned.path.exists() and not owned.kept]
    with contextlib.ExitStack() as held:
        for lock in (exclusive, sole_capture) if unfinished else ():
            with contextlib.suppress(Busy):
                held.enter_context(lock())
        problems = [problem for owned in unfinished for problem in owned.undo()]
    remove_left()
    return problems


def kept_here() -> list[str]:
    """The ids of the labs that this process has made and kept."""
    return [owned.id for owned in _made if owned.kept]


def owned_folders() -> list[OwnedFolder]:
    """All folders that are not yet undone, the oldest first, since later ones are undone earlier.

    Only folders with a name of ours that belong to us and that nobody else may enter. Raises Refused where another
    user could have planted one.
    """
    root = safe_root()
    if not root.is_dir():
        return []
    return sorted((OwnedFolder(path) for path in root.iterdir() if _is_ours(path)), key=lambda owned: owned.started)


def _is_ours(path: Path) -> bool:
    if not _OURS.fullmatch(path.name):
        return False
    try:
        state = path.lstat()
    except OSError:  # it has been undone in the meantime
        return False
    private = stat.S_IMODE(state.st_mode) == 0o700
    return stat.S_ISDIR(state.st_mode) and private and state.st_uid == os.geteuid()


def add_left_behind(error: BaseException, remains: list[str]) -> None:
    """Add what could not be undone to an error that is being raised."""
    if not remains:
        return
    text = "left behind: " + "; ".join(remains)
    if isinstance(error, LivefireError):
        error.more += [text, *([error.hint] if error.hint else [])]
        error.hint = "Run `livefire clean`."
    else:
        error.add_note(text)
