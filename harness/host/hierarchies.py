"""Where control groups are mounted, and how a process leaves one that is frozen (cgroups(7))."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

# Hierarchies of version 1 in which a group changes nothing for its processes. `pids` can keep them from forking.
HARMLESS = ("pids", "freezer", "name=systemd", "devices", "net_cls", "net_prio", "perf_event")
# cgroups(7); any other option of a mount of version 1 is no controller
_CONTROLLERS = {*HARMLESS, "cpuset", "cpu", "cpuacct", "blkio", "memory", "hugetlb", "rdma", "misc", "debug"}


MEMBERS = "cgroup.procs"


@dataclass(frozen=True)
class Hierarchy:
    """A mounted hierarchy. `version` is 1 or 2; `controllers` are those of a mount of version 1."""

    path: Path
    version: int
    controllers: frozenset[str] = frozenset()


def hierarchies(mountinfo: bytes | None = None) -> list[Hierarchy]:
    """All mounted hierarchies, each at its first mount (proc(5), /proc/PID/mountinfo)."""
    mounted: dict[tuple[int, frozenset[str]], Hierarchy] = {}
    for line in (Path("/proc/self/mountinfo").read_bytes() if mountinfo is None else mountinfo).split(b"\n"):
        before, _, after = line.partition(b" - ")
        fields, kind = before.split(b" "), after.split(b" ")
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in (b"cgroup", b"cgroup2"):
            continue
        version = 2 if kind[0] == b"cgroup2" else 1
        options = os.fsdecode(kind[2]).split(",") if version == 1 else []
        controllers = frozenset(o for o in options if o in _CONTROLLERS or o.startswith("name="))
        mounted.setdefault((version, controllers), Hierarchy(Path(mount_point(fields[4])), version, controllers))
    return list(mounted.values())


def mount_point(field: bytes) -> str:
    """The fifth field of a line of mountinfo (proc(5)), in which blanks and the like are octal escapes."""
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), field))


def thaw(pid: int) -> None:
    """Take a process out of a frozen group of version 1, where no signal ends it. The group itself stays frozen.

    In a frozen group of version 2 a process can be killed.
    """
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/cgroup").read_text(errors="replace").splitlines():
            _, controllers, group = line.split(":", 2)
            if group != "/" and "freezer" in controllers.split(","):
                for hierarchy in hierarchies():
                    if "freezer" in hierarchy.controllers and not _is_thawed(hierarchy.path / group.lstrip("/")):
                        (hierarchy.path / MEMBERS).write_text(str(pid))


def _is_thawed(group: Path) -> bool:
    return (group / "freezer.state").read_text().strip() == "THAWED"
