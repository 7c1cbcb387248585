"""A check of this host: what it found, and the cure for what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import LabUnavailable, LivefireError
from harness.host.owned_folders import state_root

Probe = Callable[[], str]


@dataclass(frozen=True)
class Check:
    """One look at this host. `level` is ok, warn or fail; `cure` says what to do about the last two."""

    name: str
    level: str
    said: str
    cure: str = ""


class Doubt(LivefireError):
    """Something that may go wrong, but need not: a warning."""


def look(name: str, probe: Probe) -> Check:
    """Run a probe; the error that it raises is its outcome."""
    try:
        return Check(name, "ok", probe())
    except Doubt as doubt:
        return Check(name, "warn", doubt.message, doubt.hint)
    except LivefireError as error:
        return Check(name, "fail", error.message, error.hint)
    except OSError as error:
        return Check(name, "fail", str(error))


def free_disk(needed: int) -> str:
    """The free disk space below the state folder. Raises LabUnavailable where it is less than `needed` bytes."""
    root = state_root()
    while not root.exists():
        root = root.parent
    free = shutil.disk_usage(root).free
    if free < needed:
        raise LabUnavailable(
            f"{free >> 20} MiB free below {root}, {needed >> 20} MiB are needed",
            hint="Free some, or set LIVEFIRE_STATE to a folder with more.",
        )
    return f"{free >> 30} GiB free below {root}"
