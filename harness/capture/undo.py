"""How folders, processes and control groups in the ledger are undone, and how those of an owner are found."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from harness.capture.kinds import Foreign, What, Whose, finds, undoes
from harness.capture.process import owned_processes, owners, podman_processes
from harness.capture.wait import NotYet, wait_until

_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8
_CGROUPS = Path("/sys/fs/cgroup")


@undoes("folder")
def folder(whose: Whose, path: str) -> None:
    """Detach every mount below a folder of the owner's, then remove it."""
    if not whose.holds(path):
        raise Foreign(f"it does not lie in {whose.folder}")
    remove_folder(Path(path))


def remove_folder(target: Path) -> None:
    """Detach every mount below a folder, then remove it. A link is removed, and not what it leads to."""
    if target.is_symlink():
        target.unlink()
    if not target.exists():
        return
    detach_below(target)
    for attempt in range(5):  # a daemon that was killed may still be closing files
        shutil.rmtree(target, ignore_errors=attempt < 4)
        if not target.exists():
            return
        time.sleep(0.1)


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
    """The fifth field of each line (proc(5)). Blanks and the like stand there as octal numbers of bytes."""
    fields = [line.split(b" ")[4] for line in mountinfo.split(b"\n") if line]
    return [os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), field)) for field in fields]


@finds("mounts")
def _mounts(whose: Whose) -> list[What]:
    return [{}] if mounts_below(whose.folder) else []


@undoes("mounts")
def _detach(whose: Whose) -> None:
    detach_below(whose.folder)


@undoes("daemon")
def daemon(whose: Whose, owner: str) -> None:
    """Kill the processes that carry this owner. Their state is thrown away, so they need no farewell."""
    if not owner.startswith(f"{whose.id}/"):
        raise Foreign(f"it is not a process of {whose.id}")

    def gone() -> None:
        _kill(lambda: owned_processes(owner))

    wait_until(f"end of {owner}", gone, timeout=10, interval=0.02)


@finds("daemon")
def _daemons(whose: Whose) -> list[What]:
    return [{"owner": owner} for owner in sorted(owners(f"{whose.id}/"))]


@undoes("podman")
def podman(whose: Whose, folder: str) -> None:
    """Kill what Podman left of containers that were started with a configuration below `folder`."""
    if not whose.holds(folder):
        raise Foreign(f"it does not lie in {whose.folder}")

    def gone() -> None:
        _kill(lambda: podman_processes(folder))

    wait_until(f"end of Podman's processes of {folder}", gone, timeout=10, interval=0.02)


def _kill(find: Callable[[], Iterable[int]]) -> None:
    """Kill what is found. Raises NotYet where there was anything: whether it has ended shows the next time.

    A number may be another process's by the time it is used. So each is held (pidfd_open(2), where there is that), and
    killed only if it is found once more after that.
    """
    with contextlib.ExitStack() as held:
        processes: dict[int, int | None] = {}
        for pid in find():
            if pid != os.getpid() and not _is_zombie(pid):
                with contextlib.suppress(ProcessLookupError):
                    processes[pid] = _hold(pid, held)
        for pid in set(find()) & set(processes) if processes else ():
            with contextlib.suppress(ProcessLookupError):
                if (process := processes[pid]) is None:
                    os.kill(pid, signal.SIGKILL)
                else:
                    signal.pidfd_send_signal(process, signal.SIGKILL)
    if processes:
        raise NotYet(f"processes {sorted(processes)}")


def _hold(pid: int, held: contextlib.ExitStack) -> int | None:
    """A descriptor of the process; None where the kernel has none to give. Raises ProcessLookupError."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:
        return None
    held.callback(os.close, process)
    return process


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@finds("podman")
def _podman(whose: Whose) -> list[What]:
    return [{"folder": str(whose.folder)}] if podman_processes(str(whose.folder)) else []


@undoes("cgroup")
def cgroup(whose: Whose, name: str) -> None:
    """Kill what runs in a control group of ours, in each hierarchy, and remove it."""
    if name != f"livefire-{whose.id}":
        raise Foreign(f"it is not the control group of {whose.id}")
    roots = _hierarchies(name)

    def inside() -> set[int]:
        alive: set[int] = set()
        for root in roots:
            for procs in (root / name).rglob("cgroup.procs"):
                with contextlib.suppress(OSError):
                    alive.update(int(pid) for pid in procs.read_text().split() if pid != "0")
        return alive

    wait_until(f"end of the control group {name}", lambda: _kill(inside), timeout=10, interval=0.02)

    def removed() -> None:
        for root in roots:
            inner = sorted((p for p in (root / name).rglob("*") if p.is_dir()), reverse=True)
            for group in [*inner, root / name]:
                try:
                    group.rmdir()
                except FileNotFoundError:
                    continue
                except OSError as error:  # a process of it is dying still
                    raise NotYet(f"{group}: {error.strerror}") from None

    wait_until(f"removal of the control group {name}", removed, timeout=10, interval=0.02)


def _hierarchies(name: str) -> list[Path]:
    """Where there is a control group of this name, at the top: cgroup v2, or several of v1."""
    return [root for root in (_CGROUPS, *_CGROUPS.glob("*")) if (root / name).is_dir()]


@finds("cgroup")
def _cgroups(whose: Whose) -> list[What]:
    name = f"livefire-{whose.id}"
    return [{"name": name}] if _hierarchies(name) else []
