"""Processes by pid and time, against a small kernel that gives its few pids away again and again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.model.manifest import Manifest
from harness.recording import open_recording
from harness.telemetry.attribution import Attribution, Moment, Process, birth_of, read_processes, read_sessions
from harness.telemetry.readers.audit_log import read_events
from harness.telemetry.rows.exec_rows import ExecRows
from tests.conftest import COMMITTED
from tests.contradictions import contradictions

NONE = 4294967295
HARNESS_PID = 2


@dataclass(eq=False)
class Task:
    """A process as the kernel knows it. `by` is what the truth is compared by: its program's number, and whose."""

    pid: int
    parent: Task | None
    session: int
    program: int
    whose: str
    executed: bool = False
    children: list[Task] = field(default_factory=list)


class Kernel:
    """Forks, executions and ends in random order; writes the log that auditd would, and keeps what was true."""

    def __init__(self, seed: int, attack: tuple[int, str], births: bool = True) -> None:
        self.random = random.Random(seed)
        self.births = births
        self.lines: list[str] = []
        self.truth: list[tuple[int, int, str, int, int]] = []  # program, who executed it, whose, pids of both
        self.time, self.serial, self.last = 1_700_000_000_000, 0, 10
        self.init = Task(1, None, NONE, 0, "background")
        self.session, self.atomic = attack
        self.shell = Task(4, self.init, self.session, 0, self.atomic)
        self.live = [self.init, self.shell]
        self.programs = 0
        self.execute(self.shell)

    def run(self, steps: int) -> Kernel:
        for _ in range(steps):
            self.time += self.random.choice([0, 0, 4, 60])
            task = self.random.choice(self.live)
            act = self.random.choice(["fork", "fork", "spawn", "spawn", "execute", "end", "leave"])
            if act in ("fork", "spawn") and len(self.live) < 12:
                self.fork(task, vfork=act == "spawn")
            elif act == "execute" and task is not self.init:
                self.execute(task)
            elif act == "end" and task not in (self.init, self.shell):
                self.end(task)
            elif act == "leave" and task.whose == self.atomic and task is not self.shell:
                self.leave(task)
        return self

    def fork(self, task: Task, vfork: bool) -> None:
        pids = {each.pid for each in self.live}
        while True:
            self.last = self.last + 1 if self.last < 30 else 5
            if self.last not in pids:
                break
        child = Task(self.last, task, task.session, task.program, task.whose)
        task.children.append(child)
        self.live.append(child)
        birth = self.record(task, "syscall=56", f"exit={child.pid}")
        if vfork:  # the parent waits in the kernel until its child executes
            self.execute(child)
        self.lines += [birth] if self.births else []

    def execute(self, task: Task) -> None:
        if task.executed or task.parent is None:
            by, pid = task.program, task.pid
        else:
            by, pid = task.program, task.parent.pid
        self.programs += 1
        task.program, task.executed = self.programs, True
        self.truth.append((task.program, by, task.whose, task.pid, pid))
        self.lines += [
            self.record(task, "syscall=59", "exit=0"),
            f'type=EXECVE {self.head()} argc=2 a0="p" a1="{task.program}"',
        ]

    def end(self, task: Task) -> None:
        self.live.remove(task)
        for child in task.children:
            child.parent = self.init
            self.init.children.append(child)
        task.children = []

    def leave(self, task: Task) -> None:
        self.programs += 1
        old, task.session = task.session, 1000 + self.programs
        call = self.record(task, "syscall=1", "exit=1")
        ids = f"pid={task.pid} uid=0 old-auid=0 auid=0 tty=(none) old-ses={old} ses={task.session} res=1"
        self.lines += [f"type=LOGIN {self.head()} {ids}", call]

    def head(self) -> str:
        return f"msg=audit({self.time / 1000:.3f}:{self.serial}):"

    def record(self, task: Task, call: str, answer: str) -> str:
        self.serial += 1
        parent = task.parent.pid if task.parent else 0
        ids = f"ppid={parent} pid={task.pid} uid=0 ses={task.session}"
        return f'type=SYSCALL {self.head()} arch=c000003e {call} success=yes {answer} {ids} exe="/bin/p"'


def tables_of(manifest: Manifest, lines: list[str]) -> ExecRows:
    events = list(read_events(lines))
    rows = ExecRows(
        Attribution(manifest, [], read_processes(events), sessions=read_sessions(manifest, events)),
        "host",
        "raw/auditd.log",
    )
    for event in events:
        rows.add(event, None)
    return rows


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return open_recording(COMMITTED).manifest


def kernel(manifest: Manifest, seed: int, births: bool = True) -> Kernel:
    """One that has run for a while, with the attack of the first atomic in it."""
    first = manifest.detonations[0]
    assert first.attack is not None
    assert first.attack.session is not None
    return Kernel(seed, (first.attack.session, first.atomic), births).run(150)


@example(2).via("one that left its session and was adopted, and has the pid of an earlier child of init")
@example(2056).via("so has one that executed something")
@given(seed=st.integers(0, 1 << 32))
def test_pids_that_wrap_deceive_nobody(manifest: Manifest, seed: int) -> None:
    """Each program's initiating process is the one that was behind that pid, and its slice is the attack's exactly
    where it descends from the attack's shell, whatever session it gave itself.
    """
    ran = kernel(manifest, seed)
    for row, (program, by, whose, pid, initiating) in zip(
        tables_of(manifest, ran.lines).processes, ran.truth, strict=True
    ):
        assert row["ProcessCommandLine"] == f"p {program}"
        assert row["_Slice"] == whose
        assert (row["ProcessId"], row["InitiatingProcessId"]) == (pid, initiating)
        if row["InitiatingProcessFileName"]:
            assert row["InitiatingProcessCommandLine"] == f"p {by}"
        else:  # nothing in the log has told what init, or a fork that init adopted, is running
            assert initiating == 1 or by == 0


@example(1739655).via("its parent has been adopted by another, and so its former grandparent can't adopt it")
@given(seed=st.integers(0, 1 << 32))
def test_without_births_no_row_contradicts_what_its_log_tells(manifest: Manifest, seed: int) -> None:
    tables = tables_of(manifest, kernel(manifest, seed, births=False).lines)
    assert contradictions(tables.processes, tables.auditd) == []


def told(lines: list[str]) -> list[Process]:
    """The processes behind the executions of a log."""
    events = list(read_events(lines))
    processes, found = read_processes(events), []
    for event in events:
        if birth := birth_of(event):
            processes.bear(birth)
        elif event.is_exec:
            found.append(processes.executes(Moment.of(event)))
    return found


def line(serial: int, call: str, pid: int, parent: int, exit_: int = 0, time: float = 1.0) -> list[str]:
    head = f"msg=audit({time:.3f}:{serial}):"
    text = (
        f"type=SYSCALL {head} arch=c000003e syscall={call} success=yes exit={exit_} ppid={parent} pid={pid} ses={NONE}"
    )
    return [text, *([f'type=EXECVE {head} argc=1 a0="x"'] if call == "59" else [])]


def test_a_fork_that_runs_on_is_known_by_its_birth() -> None:
    lines = [
        *line(1, "59", 10, 1),
        *line(2, "56", 10, 1, 11),  # a subshell
        *line(3, "56", 11, 10, 12),
        *line(4, "59", 12, 11, time=1.1),
    ]
    first, last = told(lines)
    assert [each.pid for each in last.line_of_descent()] == [12, 11, 10]
    assert last.parent is not None
    assert last.parent.parent is first


def test_a_number_told_in_a_pid_namespace_of_its_own_is_nobodys() -> None:
    lines = [*line(1, "59", 500, 1), *line(2, "59", 7, 1), *line(3, "56", 500, 1, 7), *line(4, "59", 8, 7, time=1.1)]
    events = list(read_events(lines))
    processes = read_processes(events)
    container = processes.executes(Moment.of(events[0]))
    container.contained = True
    daemon = processes.executes(Moment.of(events[1]))
    birth = birth_of(events[2])
    assert birth is not None
    processes.bear(birth)
    assert processes.executes(Moment.of(events[3])).parent is daemon
    assert processes.at(Moment.of(events[1])) is daemon
