"""Where Livefire keeps what it makes: the state folder, which must be safe from other users, and the cache."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from harness.errors import Refused
from harness.host.safe_path import unsafe
from harness.interrupts import shielded

HINT = "Set LIVEFIRE_STATE to a folder of yours, in which nobody else may write."
_MADE = "made-by-livefire"  # a file in a state folder that Livefire has made


def state_root() -> Path:
    """`LIVEFIRE_STATE`, else /var/lib/livefire for root, else a folder in the user's XDG state."""
    given = os.environ.get("LIVEFIRE_STATE")
    if given:
        return Path(given).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/livefire")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "livefire"


def safe_root(root: Path | None = None) -> Path:
    """The state root, or another. Raises Refused where another user could write into it or replace it."""
    root = root or state_root()
    if why := unsafe(root):
        raise Refused(f"the state folder {root} is not safe: {why}", hint=HINT)
    return root


def make_root(root: Path | None = None) -> Path:
    """The state root, or another, made if it is missing and then marked as ours. Raises OSError or Refused."""
    root = safe_root(root)
    root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with shielded(), contextlib.suppress(FileExistsError):
        root.mkdir(mode=0o700)
        (root / _MADE).touch(mode=0o600)
    return root


def remove_root(root: Path | None = None) -> None:
    """Remove the state root, or another, if we have made it and nothing is left in it."""
    root = root or state_root()
    with shielded(), contextlib.suppress(OSError):
        if {path.name for path in root.iterdir()} == {_MADE}:
            (root / _MADE).unlink()
            root.rmdir()  # fails where another process has written into it in the meantime


def cache_root() -> Path:
    """In the user's XDG cache: built binaries, and what `lint` remembers. Raises RuntimeError without a home."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livefire"
