"""Processes by pid and time: the process behind a pid at a moment, its parent, and its program.

A pid alone identifies no process, since pids are reused within minutes. The kernel's records of clone, fork and vfork
show each birth. They are missing in older recordings, and for processes in a pid namespace of their own (whose parent
sees another number). There, a pid is taken for reused if the parent differs or the pid counter has passed it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.telemetry.attribution.moments import NOBODY, UNSET, Birth, Image, Moment, birth_of
from harness.telemetry.attribution.pid_cycle import PidCycle
from harness.telemetry.readers.audit_log import AuditEvent, decode

_SHELLS = {"sh", "bash", "dash", "ash", "busybox", "ksh", "zsh"}
# How many births in a row may be logged after their consequences, as with nested vforks.
VFORKS = 10
BEFORE = -1  # the place of processes that are older than the log


def read_processes(events: Iterable[AuditEvent], known: Sequence[Process] = ()) -> Processes:
    """The processes of a log. Its events must then be passed to the result, in order.

    `known` are the processes that are older than the log.
    """
    births, executing = [], []
    listed = {process.pid: process for process in known}
    for event in events:
        if event.is_exec:
            executing.append(Moment.of(event).pid)
            _not_yet(listed.pop(executing[-1], None), event)
        elif birth := birth_of(event):
            births.append(birth)
    return Processes(births, executing, known)


def _not_yet(listed: Process | None, event: AuditEvent) -> None:
    """Drop a listed program that is executed only here: the list is made a moment after the log begins."""
    call = event.first("SYSCALL")
    path = call and call.fields.get("exe")
    if listed and path and [image.path for _, image in listed.images] == [decode(path)]:
        listed.images.clear()


@dataclass(eq=False)
class Process:
    """One process, from birth to end. `images` are the programs that it executed, each with its line in the log.

    `parent` is the process that started it, where known; `place` counts the executions until it was last seen.
    `resident` says that it is older than the log.
    """

    pid: int
    ppid: int
    session: int
    seen: int
    place: int
    born: Birth | None = None
    parent: Process | None = None
    inherited: Image | None = None
    images: list[tuple[int, Image]] = field(default_factory=list)
    contained: bool = False
    resident: bool = False

    def image(self, line: int | None = None) -> Image | None:
        """Its program at a line of the log, or its last one. A fork has its parent's program."""
        images = [image for at, image in self.images if line is None or at <= line]
        return images[-1] if images else self.inherited

    def descends_from(self, pid: int) -> bool:
        """Whether an ancestor has this pid, by what was last seen of each."""
        process = self
        while process.ppid != pid:
            if process.parent is None or process.parent.pid != process.ppid:  # unknown, or adopted by another process
                return False
            process = process.parent
        return True

    def line_of_descent(self) -> Iterable[Process]:
        """Itself, its parent, and so on."""
        process: Process | None = self
        while process is not None:
            yield process
            process = process.parent


@dataclass(frozen=True)
class Initiating:
    """A process that executed another program, with its own program `image`.

    `forked` is its birth (milliseconds) if it is a fork that executed nothing itself. `parent` is its parent's pid and
    `above` its parent's program, where known.
    """

    pid: int
    parent: int | None
    image: Image
    forked: int | None
    above: Image | None


class Processes:
    """The processes of one recording. Births and executions must be passed in the order of the log.

    `known` are the processes that are older than the log.
    """

    def __init__(self, births: Iterable[Birth] = (), executing: Iterable[int] = (), known: Iterable[Process] = ()):
        self._births: dict[int, list[Birth]] = {}
        for birth in births:
            self._births.setdefault(birth.child, []).append(birth)
        for same_pid in self._births.values():
            same_pid.sort(key=lambda birth: (birth.by.time, birth.by.line))
        self._cycle = PidCycle(list(executing))
        self._known = {process.pid: process for process in known}
        self._parents: dict[Birth, Process] = {}
        self._shells: dict[int, set[Process]] = {}
        self._place = BEFORE
        self._untold = 0  # births that are looked up before their line in the log

    @property
    def tells_births(self) -> bool:
        """Whether the log has births; those of older recordings have none."""
        return bool(self._births)

    def bear(self, birth: Birth) -> None:
        """Take in a birth at its line of the log."""
        by = self.at(birth.by)
        if by.contained:  # the child's number is one of its own namespace
            self._births[birth.child].remove(birth)
        else:
            self._parents[birth] = by

    def executes(self, moment: Moment) -> Process:
        """The process that executes a program at this moment."""
        self._place += 1
        return self.at(moment)

    def at(self, moment: Moment) -> Process:
        """The process behind the pid of this moment: a known or a new one."""
        known = self._known.get(moment.pid)
        birth = self._birth(moment, known)
        if known is None or moment.pid == NOBODY or not self._is_still(known, birth, moment):
            self._known[moment.pid] = made = self._new(moment, birth)
            return made
        known.ppid, known.session = moment.parent, moment.session
        known.seen, known.place = moment.time, self._place
        return known

    def alive(self, pid: int, moment: Moment) -> Process | None:
        """The process with this pid at a moment; None where it may be an unknown one."""
        known = self._known.get(pid)
        if known is None:
            return None
        if self._births:
            return None if self._given_anew(known, moment) else known
        # without births, processes in containers are identified by their container
        return known if known.contained or not self._cycle.passed(pid, known.place, self._place) else None

    def presume(self, moment: Moment) -> Process:
        """Remember the parent of a moment, which executed nothing in this log."""
        made = Process(moment.parent, NOBODY, UNSET, moment.time, self._place)
        self._known[moment.parent] = made
        return made

    def over(self, process: Process, moment: Moment) -> Process | None:
        """The parent of a process at a moment, possibly by adoption; None where unknown."""
        parent = process.parent
        return parent if parent is not None and parent.pid == moment.parent else self.alive(moment.parent, moment)

    def executed(self, process: Process, moment: Moment, image: Image) -> None:
        """Note the program that a process executes at a moment, after all questions about that moment."""
        process.images.append((moment.line, image))
        if image.name in _SHELLS and moment.session != UNSET:
            self._shells.setdefault(moment.session, set()).add(process)

    def _only_shell(self, moment: Moment) -> Image | None:
        """The program of a parent that executed nothing, in a log without births: the only shell of its session.

        Hardly any program but a shell goes on in a fork. With several shells it is unknown which one forked.
        """
        shells = self._shells.get(moment.session, set())
        return next(iter(shells)).image() if len(shells) == 1 and not self._births else None

    def initiating(self, process: Process, moment: Moment) -> Initiating | None:
        """The initiating process of an execution at this moment: the process itself, or the parent of a new fork."""
        by = process if process.images else self.over(process, moment)
        if by is None:
            shell = self._only_shell(moment)
            return Initiating(moment.parent, None, shell, None, None) if shell else None
        image = process.inherited if by is process.parent else by.image()
        if image is None:
            return None
        forked = by.born.by.time if by.born and not by.images else None
        above = by.inherited if by.parent is not None and by.parent.pid == by.ppid else None
        return Initiating(by.pid, by.ppid, image, forked, above)

    def _new(self, moment: Moment, birth: Birth | None) -> Process:
        if birth is None:
            parent = self.alive(moment.parent, moment)
            inherited = parent.image() if parent else None
        else:
            self._untold += 1  # after a vfork, the child's execution is logged first
            parent = self._parents.get(birth) or self.at(birth.by)
            self._untold -= 1
            inherited = parent.image(birth.by.line)
        made = Process(moment.pid, moment.parent, moment.session, moment.time, self._place, birth, parent, inherited)
        made.contained = parent is not None and parent.contained
        return made

    def _birth(self, moment: Moment, known: Process | None) -> Birth | None:
        """The latest birth of this pid that fits. The known process always fits its own birth.

        It may have been adopted and have left its session since.
        """
        if self._untold == VFORKS or self._in_namespace(moment):
            return None
        births, its = self._births.get(moment.pid, []), known.born if known else None
        until = bisect_right(births, moment.time, key=lambda birth: birth.by.time)
        return next((birth for birth in reversed(births[:until]) if birth is its or self._fits(birth, moment)), None)

    def _in_namespace(self, moment: Moment) -> bool:
        """Whether its parent has a pid namespace of its own. Then births in the log have other numbers."""
        parent = self.alive(moment.parent, moment)
        return parent is not None and parent.contained

    def _fits(self, birth: Birth, moment: Moment) -> bool:
        """Whether a process can be that child: same parent (CLONE_PARENT: grandparent), or it has ended."""
        by, same = birth.by, birth.by.session == moment.session
        if moment.parent in (by.pid, by.parent) or (same and by.session != UNSET):
            return True
        parent = self._parents.get(birth)
        return same and (moment.parent == 1 or (parent is not None and parent.descends_from(moment.parent)))

    def _given_anew(self, known: Process, moment: Moment) -> bool:
        return any(known.seen < birth.by.time <= moment.time for birth in self._births.get(known.pid, ()))

    def _is_still(self, known: Process, birth: Birth | None, moment: Moment) -> bool:
        if birth is not None:
            return known.born is birth
        if self._births and not known.contained:
            return not (self._in_namespace(moment) or self._given_anew(known, moment))
        if self._cycle.passed(known.pid, known.place, self._place):
            return False
        # its parent ended first: with a set session, it can't be a daemon that reuses the pid
        adopted = moment.session != UNSET if moment.parent == 1 else known.descends_from(moment.parent)
        return moment.parent == known.ppid or (adopted and moment.session == known.session)
