"""Two locks: a state folder belongs to one Livefire at a time, and a kernel to one capture at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.errors import Busy, LabUnavailable, Refused
from harness.host.holder import describe
from harness.host.safe_path import unsafe
from harness.host.state_root import HINT, make_root, remove_root, safe_root
from harness.interrupts import shielded

# Visible from each network namespace, unlike an abstract socket, and gone after a boot. For root only: see _place.
CAPTURING = Path("/run/livefire")
_WAIT = "Wait for it (run, evade and capture: --wait SECONDS), or end it."


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Hold the lock of this state folder. The folder is made if it is missing, and removed at the end if it is empty.

    The kernel drops the lock when its holder dies. Raises Busy, naming the holder.
    """
    safe_root()
    try:
        with _held(make_root, "livefire.lock", Busy("another Livefire is at work here", hint=_WAIT)):
            yield
    finally:
        remove_root()


@contextlib.contextmanager
def sole_capture() -> Iterator[None]:
    """Allow one capture per kernel, in any state folder: of two, one would remove the audit rules of both.

    Raises Busy when another runs, naming its process.
    """
    busy = Busy("another Livefire is capturing on this machine", hint=f"It uses another state folder. {_WAIT}")
    try:
        with _held(_place, "capture.lock", busy):
            yield
    finally:
        with contextlib.suppress(OSError):
            CAPTURING.rmdir()


def _place() -> Path:
    """The folder of the captures' lock. Without root there is no kernel audit, so there the state folder suffices."""
    if os.geteuid() != 0:
        return make_root()
    CAPTURING.mkdir(mode=0o700, exist_ok=True)
    if why := unsafe(CAPTURING):
        raise Refused(f"{CAPTURING}, which holds the captures' lock, is not safe: {why}", hint="Remove it.")
    return CAPTURING


@contextlib.contextmanager
def _held(make: Callable[[], Path], name: str, busy: Busy) -> Iterator[None]:
    """Hold a lock on a file in the folder that `make` makes; the file is removed at the end."""
    held: tuple[Path, int] | None = None
    try:
        with shielded():
            held = _take(make, name, busy)
        yield
    finally:
        if held:
            _release(*held)


def let_go() -> None:
    """Release the locks that this process still holds: an interrupt may have come before the line that releases."""
    for path, descriptor in tuple(_held_here):
        _release(path, descriptor)
    remove_root()
    with contextlib.suppress(OSError):
        CAPTURING.rmdir()


def _take(make: Callable[[], Path], name: str, busy: Busy) -> tuple[Path, int]:
    try:
        held = _open(make, name, busy)
        _held_here.append(held)
        os.ftruncate(held[1], 0)
        os.pwrite(held[1], f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        raise LabUnavailable(f"{error.filename}: {error.strerror}", hint=HINT) from None
    return held


def _release(path: Path, descriptor: int) -> None:
    with shielded():
        if (path, descriptor) in _held_here:
            _held_here.remove((path, descriptor))
            path.unlink(missing_ok=True)
            os.close(descriptor)


_held_here: list[tuple[Path, int]] = []  # by this process


def _open(make: Callable[[], Path], name: str, busy: Busy) -> tuple[Path, int]:
    while True:
        path = make() / name
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:  # its last holder removed the folder
            continue
        try:
            _require_ours(path, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return path, descriptor
            os.close(descriptor)
        except FileNotFoundError:  # its last holder removed the file while we opened it
            os.close(descriptor)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            os.close(descriptor)
            who = describe(int(holder)) if holder.isdigit() else "pid unknown"
            raise Busy(f"{busy.message} ({who})", hint=busy.hint) from None
        except BaseException:
            os.close(descriptor)
            raise


def _require_ours(path: Path, descriptor: int) -> None:
    """A lock's file holds a pid or nothing. Any other file must not be overwritten. Raises Refused."""
    state = os.fstat(descriptor)
    ours = stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and state.st_nlink <= 1
    if not ours or not re.fullmatch(rb"[0-9]*\n?", os.pread(descriptor, 64, 0)):
        raise Refused(f"{path} is not a lock of ours", hint=HINT)
