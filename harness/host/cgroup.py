"""Control groups that Livefire makes: for the shells of an atomic, and for its containers.

What a process starts is in its group, whatever session, environment or parent it has given up (cgroups(7)). The groups
only hold processes together: no controller is switched on, and nothing is limited.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from harness.errors import LabUnavailable
from harness.host.hierarchies import HARMLESS, MEMBERS, Hierarchy, hierarchies
from harness.host.kinds import Foreign, What, Whose, finds, undoes
from harness.host.process import kill_found, run
from harness.host.waiting import NotYet, wait_until

_HINT = "Without one, Livefire can't find a process that leaves its session and empties its environment."


def preferred(mounted: list[Hierarchy]) -> list[Hierarchy]:
    """The hierarchies in which a group may be made, the best first: version 2 kills a whole group at once."""
    ranks = {name: rank for rank, name in enumerate(HARMLESS)}

    def rank(hierarchy: Hierarchy) -> int:
        return -1 if hierarchy.version == 2 else min(ranks[name] for name in hierarchy.controllers)

    return sorted((h for h in mounted if h.version == 2 or (h.controllers and h.controllers <= set(ranks))), key=rank)


@dataclass(frozen=True)
class Group:
    """A group that exists."""

    path: Path

    @property
    def door(self) -> Path:
        """The file to which a process writes 0 to enter the group, with all that it starts."""
        return self.path / MEMBERS

    def processes(self) -> list[int]:
        """The pids of all processes in it, or in a group below it."""
        return sorted(_inside([self.path]))

    def stop_forks(self) -> None:
        """Keep its processes from forking, which are about to be killed one by one."""
        _stop_forks([self.path])

    def remove(self) -> None:
        """Remove it. Raises NotYet while one of its processes is dying."""
        _remove([self.path])


def make_group(parent: str) -> Group | None:
    """A new group below the group `parent`, which the ledger names; None where this host allows none."""
    try:
        return _make(parent)
    except LabUnavailable:
        return None


def _make(parent: str) -> Group:
    """A new group. Raises LabUnavailable with the error of each hierarchy."""
    failures = []
    for hierarchy in preferred(hierarchies()):
        path = hierarchy.path / parent / f"shell-{secrets.token_hex(4)}"
        try:
            path.mkdir(parents=True)
            return Group(path)
        except OSError as error:
            failures.append(f"{hierarchy.path}: {error.strerror}")
    raise LabUnavailable("; ".join(failures) or "none is mounted", hint=_HINT)


def check_group(name: str) -> str:
    """Make a group, put a process in, and remove it; returns the folder of its hierarchy. Raises LabUnavailable."""
    group = _make(name)
    try:
        done = run(["/bin/sh", "-c", 'echo 0 >"$1" && cat /proc/self/cgroup', "sh", group.door], check=False)
        if done.code != 0 or f"/{name}/{group.path.name}" not in done.output:
            raise LabUnavailable(f"{group.path}: no process can be put in: {done.errors.strip()}", hint=_HINT)
        return f"{group.path.parent.parent}"
    finally:
        wait_until("removal of a control group", lambda: _remove([group.path.parent]), timeout=5, interval=0.02)


@undoes("cgroup")
def cgroup(whose: Whose, name: str) -> None:
    """Kill the processes in a control group of ours, in each hierarchy, and remove it."""
    if name != f"livefire-{whose.id}":
        raise Foreign(f"it is not the control group of {whose.id}")
    groups = _called(name)
    _stop_forks(groups)
    ended = f"end of the control group {name}"
    wait_until(ended, lambda: kill_found(lambda: _inside(groups)), timeout=10, interval=0.02)
    wait_until(f"removal of the control group {name}", lambda: _remove(groups), timeout=10, interval=0.02)


@finds("cgroup")
def _cgroups(whose: Whose) -> list[What]:
    name = f"livefire-{whose.id}"
    return [{"name": name}] if _called(name) else []


def _called(name: str) -> list[Path]:
    """The groups of this name at the top of each hierarchy."""
    return [path for hierarchy in hierarchies() if (path := hierarchy.path / name).is_dir()]


def _inside(groups: list[Path]) -> set[int]:
    alive: set[int] = set()
    for group in groups:
        for members in group.rglob(MEMBERS):
            with contextlib.suppress(OSError):
                alive.update(int(pid) for pid in members.read_text().split() if pid != "0")
    return alive


def _stop_forks(groups: list[Path]) -> None:
    """Write `cgroup.kill` of version 2 (since Linux 5.14), which ends all at once, or `pids.max` of version 1."""
    for group in groups:
        for name, value in (("cgroup.kill", "1"), ("pids.max", "0")):
            with contextlib.suppress(OSError):
                if (group / name).exists():
                    (group / name).write_text(value)


def _remove(groups: list[Path]) -> None:
    for group in groups:
        inner = sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True)
        for folder in [*inner, group]:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError as error:  # one of its processes is still dying
                raise NotYet(f"{folder}: {error.strerror}") from None
