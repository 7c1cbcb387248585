"""Where Livefire keeps what it has made, and the lock that keeps two runs apart."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

from harness.capture import undo as undo  # registers how folders and processes are undone
from harness.capture.holder import describe, listener
from harness.capture.ledger import Ledger
from harness.capture.notes import forget, note
from harness.errors import Busy, LabUnavailable
from harness.interrupts import shielded

# sun_path holds 107 bytes (unix(7)); the deepest socket is LAB/docker/exec/libnetwork/TWELVE_HEX.sock
_LONGEST_ROOT = 107 - len("/lab-3f9a1c/docker/exec/libnetwork/0123456789ab.sock")
# Whoever finds it taken connects, to be told by the kernel who listens; these connections are never accepted.
_CAPTURING, _ASKERS = "\0livefire-capture", 4096
_WAIT = "Wait for it (run, evade and capture: --wait SECONDS), or end it."


KEPT = "lab.json"  # in the folder of a kept lab: what it is


def state_root() -> Path:
    """`LIVEFIRE_STATE`, else /var/lib/livefire for root, else a folder in the user's XDG state."""
    given = os.environ.get("LIVEFIRE_STATE")
    if given:
        return Path(given).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/livefire")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "livefire"


def cache_root() -> Path:
    """Where built binaries are kept: outside the checkout, in the user's XDG cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livefire"


def new_id(kind: str) -> str:
    """A name for a lab or a run: `lab-3f9a1c`."""
    return f"{kind}-{secrets.token_hex(3)}"


class OwnedFolder:
    """A folder, mode 0700, with the ledger of everything that was made for it. Undoing the ledger removes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self.ledger = Ledger(path / "ledger.jsonl")

    @classmethod
    def create(cls, kind: str) -> OwnedFolder:
        """A new folder below the state root. The ledger's first entry is the folder itself."""
        root = state_root()
        if len(os.fsencode(root)) > _LONGEST_ROOT:
            hint = (
                f"Sockets lie in it, and their paths are limited: set LIVEFIRE_STATE to {_LONGEST_ROOT} bytes or less."
            )
            raise LabUnavailable(f"the path of the state folder is too long: {root}", hint=hint)
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            owned = cls(root / new_id(kind))
            _made.append(owned)
            note(owned.path)
            owned.path.mkdir(mode=0o700)
        except OSError as error:
            raise LabUnavailable(f"{root}: {error.strerror}", hint="Set LIVEFIRE_STATE to a folder of yours.") from None
        owned.ledger.add("folder", path=str(owned.path))
        return owned

    @property
    def kept(self) -> bool:
        """Whether it is that of a lab that was left running for the next run."""
        return (self.path / KEPT).exists()

    def undo(self) -> list[str]:
        """Undo all that is in its ledger, and remove it; returns what could not be."""
        with shielded("still undoing"):
            remains = self.ledger.undo()
            if not remains:
                forget(self.path)
        return remains


_made: list[OwnedFolder] = []  # by this process


def undo_unfinished() -> list[str]:
    """Undo what this process has made, and neither undone nor kept; returns what could not be.

    For the end of a process that is interrupted: between making a thing and the block that undoes it there is always a
    moment in which an interrupt leaves it behind.
    """
    found = [owned for owned in reversed(_made) if owned.path.exists() and not owned.kept]
    if not found:
        return []
    with contextlib.ExitStack() as held:
        with contextlib.suppress(Busy):  # by ourselves, if it was taken at the very moment
            held.enter_context(exclusive())
        return [problem for owned in found for problem in owned.undo()]


def owned_folders() -> list[OwnedFolder]:
    """All that was made and not yet undone: labs before runs, so that undoing in reverse ends runs first."""
    root = state_root()
    if not root.is_dir():
        return []
    return [OwnedFolder(p) for p in sorted(root.iterdir()) if p.is_dir() and (p.name.startswith(("lab-", "run-")))]


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Hold the lock of this machine's Livefire: there is one kernel audit system, so one capture at a time.

    The kernel drops the lock when its holder dies. Raises Busy, naming the holder.
    """
    root = state_root()
    path = root / "lock"
    try:
        descriptor = _open_lock(path)
    except OSError as error:
        raise LabUnavailable(f"{root}: {error.strerror}", hint="Set LIVEFIRE_STATE to a folder of yours.") from None
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: something is still to be undone, or a lab is kept
            root.rmdir()
        os.close(descriptor)


@contextlib.contextmanager
def sole_capture() -> Iterator[None]:
    """One capture a kernel, whatever the state folder: two would share the audit rules, and one would remove them.

    An abstract socket (unix(7)) is no file and goes with its process. Raises Busy when it is taken, naming the holder.
    """
    with socket.socket(socket.AF_UNIX) as held:
        try:
            held.bind(_CAPTURING)
        except OSError:
            pid = listener(_CAPTURING)
            who = f" ({describe(pid)})" if pid else ""
            hint = f"It uses another state folder. {_WAIT}"
            raise Busy(f"another Livefire is capturing on this machine{who}", hint=hint) from None
        held.listen(_ASKERS)
        yield


def _open_lock(path: Path) -> int:
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            who = describe(int(holder)) if holder.isdigit() else "pid unknown"
            raise Busy(f"another Livefire is at work here ({who})", hint=_WAIT) from None
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)  # its last holder removed the file while we opened it
