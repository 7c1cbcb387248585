"""How folders and processes in the ledger are undone, and how an owner's are found without it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from pathlib import Path

from harness.host.hierarchies import mount_point
from harness.host.kinds import Foreign, What, Whose, finds, undoes
from harness.host.process import kill_found, owned_processes, owners, podman_processes
from harness.host.removal import remove_tree
from harness.host.waiting import wait_until

LEDGER = "ledger.jsonl"
_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8


@undoes("folder")
def folder(whose: Whose, path: str) -> None:
    """Detach every mount below a folder of the owner, then remove it; the ledger in it last: it may be needed."""
    if not whose.holds(path):
        raise Foreign(f"it does not lie in {whose.folder}")
    remove_folder(Path(path))


def remove_folder(target: Path) -> None:
    """Detach every mount below a folder, then remove it. Of a link, only the link is removed."""
    if target.is_symlink():
        target.unlink()
    if not target.exists():
        return
    detach_below(target)
    for _ in range(4):  # a daemon that was killed may still be closing files
        with contextlib.suppress(OSError):
            remove_tree(target, last=LEDGER)
            return
        time.sleep(0.1)
    remove_tree(target, last=LEDGER)


def make_way(place: Path) -> None:
    """Remove what an attack has put at a path of ours, or mounted over it. Raises OSError."""
    detach_below(place)
    if place.is_dir() and not place.is_symlink():
        remove_tree(place)
    else:
        place.unlink(missing_ok=True)


def detach_below(target: Path) -> None:
    """Detach every mount at or below a folder. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    for mount in sorted(mounts_below(target), reverse=True):
        if libc.umount2(os.fsencode(mount), _MNT_DETACH | _UMOUNT_NOFOLLOW) != 0:
            raise OSError(ctypes.get_errno(), "cannot be unmounted", mount)


def mounts_below(path: Path) -> list[str]:
    """The mount points at or below `path`, from /proc/self/mountinfo."""
    points = mount_points(Path("/proc/self/mountinfo").read_bytes())
    return [point for point in points if point == str(path) or point.startswith(f"{path}/")]


def mount_points(mountinfo: bytes) -> list[str]:
    """The mount point of each line of mountinfo."""
    return [mount_point(line.split(b" ")[4]) for line in mountinfo.split(b"\n") if line]


@finds("mounts")
def _mounts(whose: Whose) -> list[What]:
    return [{}] if mounts_below(whose.folder) else []


@undoes("mounts")
def _detach(whose: Whose) -> None:
    detach_below(whose.folder)


@undoes("daemon")
def daemon(whose: Whose, owner: str) -> None:
    """Kill the processes with this owner in their environment. Their state is thrown away."""
    if not owner.startswith(f"{whose.id}/"):
        raise Foreign(f"it is not a process of {whose.id}")

    def gone() -> None:
        kill_found(lambda: owned_processes(owner))

    wait_until(f"end of {owner}", gone, timeout=10, interval=0.02)


@finds("daemon")
def _daemons(whose: Whose) -> list[What]:
    return [{"owner": owner} for owner in sorted(owners(f"{whose.id}/"))]


@undoes("podman")
def podman(whose: Whose, folder: str) -> None:
    """Kill the processes that Podman left of containers whose configuration lies below `folder`."""
    if not whose.holds(folder):
        raise Foreign(f"it does not lie in {whose.folder}")

    def gone() -> None:
        kill_found(lambda: podman_processes(folder))

    wait_until(f"end of Podman's processes of {folder}", gone, timeout=10, interval=0.02)


@finds("podman")
def _podman(whose: Whose) -> list[What]:
    return [{"folder": str(whose.folder)}] if podman_processes(str(whose.folder)) else []
