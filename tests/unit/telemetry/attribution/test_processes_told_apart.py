"""Which process is behind a pid, whose child it is and what it was running: a table for each thing that tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.telemetry.attribution import Image, Moment, Process, birth_of, read_processes
from harness.telemetry.attribution.moments import NOBODY, UNSET
from harness.telemetry.attribution.pid_cycle import PidCycle
from harness.telemetry.attribution.processes import VFORKS, Initiating, Processes
from harness.telemetry.readers.audit_log import AuditEvent, read_events

OURS, OTHERS = 5, 6  # audit sessions


class Exec(NamedTuple):
    """A process executes a program; `contained` says that it is in a container."""

    pid: int
    parent: int
    session: int = OURS
    at: float = 1.0
    runs: str = "x"
    contained: bool = False


class Born(NamedTuple):
    """A process gets the answer that its child is `child`."""

    child: int
    by: int
    parent: int = 1
    session: int = OURS
    at: float = 1.0


class Found(NamedTuple):
    process: Process
    by: Initiating | None


Step = Exec | Born


def events_of(steps: Sequence[Step]) -> list[AuditEvent]:
    lines = []
    for serial, step in enumerate(steps, 1):
        head, pid = f"msg=audit({step.at:.3f}:{serial}):", step.pid if isinstance(step, Exec) else step.by
        ids = f"ppid={step.parent} pid={pid} ses={step.session}"
        if isinstance(step, Born):
            lines.append(f"type=SYSCALL {head} arch=c000003e syscall=56 success=yes exit={step.child} {ids}")
        else:
            call = f'arch=c000003e syscall=59 success=yes {ids} exe="/bin/{step.runs}"'
            lines += [f"type=SYSCALL {head} {call}", f'type=EXECVE {head} argc=1 a0="{step.runs}"']
    return list(read_events(lines))


def image(name: str, pid: int = 0) -> Image:
    return Image(pid, 0, f"/bin/{name}", name, name, "", "root", OURS)


def read(steps: Sequence[Step], known: Sequence[Process] = ()) -> tuple[Processes, list[Found]]:
    """The processes of a log, and each execution in it: whose it is and, by what was known then, who initiated it."""
    events = events_of(steps)
    processes, found = read_processes(events, known), []
    for step, event in zip(steps, events, strict=True):
        if isinstance(step, Born):
            birth = birth_of(event)
            assert birth
            processes.bear(birth)
            continue
        moment = Moment.of(event)
        process = processes.executes(moment)
        process.contained = process.contained or step.contained
        found.append(Found(process, processes.initiating(process, moment)))
        processes.executed(process, moment, image(step.runs, step.pid))
    return processes, found


def play(*steps: Step) -> list[Found]:
    return read(steps)[1]


@pytest.mark.parametrize(("line", "name"), [(2, "sh"), (3, "env"), (6, "env"), (7, "ls"), (8, "ls"), (None, "ls")])
def test_what_it_was_running_at_a_line(line: int | None, name: str) -> None:
    process = Process(9, 1, OURS, 0, 0, inherited=image("sh"), images=[(3, image("env")), (7, image("ls"))])
    assert process.image(line) == image(name)


@pytest.mark.parametrize(
    ("adopted", "above"), [(False, {30, 20, 10}), (True, {30, 1})], ids=["all alive", "the middle one adopted by init"]
)
def test_whom_it_descends_from(adopted: bool, above: set[int]) -> None:
    grandparent = Process(20, 10, OURS, 0, 0)
    parent = Process(30, 1 if adopted else 20, OURS, 0, 0, parent=grandparent)
    process = Process(40, 30, OURS, 0, 0, parent=parent)
    assert {pid for pid in (1, 10, 20, 30, 40, 50) if process.descends_from(pid)} == above


def test_who_has_no_pid_is_nobody_known() -> None:
    first, second = play(Exec(NOBODY, 9), Exec(NOBODY, 9))
    assert first.process is not second.process
    first, second = play(Exec(1, 0), Exec(1, 0))
    assert first.process is second.process


# In a log without births, all else that it tells decides.
STARTER, HIGH = 2000, [*range(2010, 2100, 10), *range(20000, 20100, 10)]
AROUND = [STARTER, *HIGH, *range(400, 500, 10), *range(2500, 2600, 10)]


def test_without_births_a_parent_is_known_until_the_counter_has_come_by() -> None:
    """In the order of the log, to the place. A container is known by other means."""
    cycle = PidCycle(AROUND)
    passed = [cycle.passed(STARTER, 0, place) for place in range(1, len(AROUND))]
    assert set(passed) == {True, False}
    for contained in (False, True):
        first, *rest = play(Exec(STARTER, 9, contained=contained), *(Exec(pid, STARTER) for pid in AROUND[1:]))
        assert [each.process.parent is first.process for each in rest] == [contained or not each for each in passed]


def test_a_parent_stays_the_parent_however_often_the_counter_comes_by() -> None:
    around = [Exec(pid, 9) for pid in AROUND[1:]]
    found = play(Exec(STARTER, 9, runs="sh"), Exec(2001, STARTER), *around, Exec(2001, STARTER, runs="y"))
    assert found[1].by == Initiating(STARTER, 9, image("sh", STARTER), None, None)
    known, found = read([Exec(STARTER, 9), Exec(2001, STARTER), *around])
    moment = Moment(2000, 99, 2001, STARTER, OURS)
    assert known.over(found[1].process, moment) is found[0].process
    assert known.alive(STARTER, moment) is None


@pytest.mark.parametrize(
    ("session", "then", "same"),
    [
        (OURS, (20, OURS), True),
        (OURS, (20, OTHERS), True),  # it left its session
        (OURS, (10, OURS), True),  # its parent has ended, its grandparent adopted it
        (OURS, (10, OTHERS), False),
        (OURS, (1, OURS), True),  # so did init
        (OURS, (1, OTHERS), False),
        (OURS, (77, OURS), False),
        (UNSET, (10, UNSET), True),
        (UNSET, (1, UNSET), False),  # any daemon
        (UNSET, (2, UNSET), False),
    ],
)
def test_without_births_its_parent_and_its_session_tell_it(session: int, then: tuple[int, int], same: bool) -> None:
    *_, before, after = play(Exec(20, 10, session), Exec(30, 20, session), Exec(30, *then))
    assert (before.process is after.process) is same


@pytest.mark.parametrize(
    ("before", "shell"),
    [
        ([Exec(20, 10, runs="bash")], "bash"),
        ([Exec(20, 10, runs="bash"), Exec(21, 20, runs="ls")], "bash"),
        ([Exec(20, 10, runs="bash"), Exec(21, 20, OTHERS, runs="dash")], "bash"),
        ([Exec(20, 10, runs="sh"), Exec(20, 10, runs="bash")], "bash"),
        ([Exec(20, 10, runs="bash"), Exec(21, 20, runs="dash")], ""),  # which of both has forked?
        ([Exec(20, 10, runs="ls")], ""),
        ([Exec(20, 10, OTHERS, runs="bash")], ""),
        ([], ""),
    ],
)
def test_without_births_an_unknown_parent_is_the_only_shell_of_the_session(before: list[Exec], shell: str) -> None:
    *_, last = play(*before, Exec(40, 39))
    assert last.by == (Initiating(39, None, image(shell, 20), None, None) if shell else None)


def test_no_shell_is_guessed_where_nothing_tells_that_it_is_the_one() -> None:
    *_, last = play(Exec(20, 10, UNSET, runs="bash"), Exec(40, 39, UNSET))
    assert last.by is None  # all daemons are of that session
    *_, last = play(Exec(20, 10, runs="bash"), Born(50, 20), Exec(40, 39))
    assert last.by is None  # a shell's fork would have been told


# With births, the one that can have been this process's.
@pytest.mark.parametrize(
    ("session", "then", "its"),
    [
        (OURS, (20, OURS), True),
        (OURS, (20, OTHERS), True),
        (OURS, (10, OURS), True),  # CLONE_PARENT
        (OURS, (10, OTHERS), True),
        (OURS, (77, OURS), True),  # adopted by whoever asked to adopt
        (OURS, (77, OTHERS), False),
        (OURS, (1, OTHERS), False),
        (UNSET, (1, UNSET), True),  # adopted by init
        (UNSET, (8, UNSET), True),  # by who is above the one that bore it
        (UNSET, (77, UNSET), False),
        (UNSET, (1, OURS), False),
        (UNSET, (8, OURS), False),
    ],
)
def test_a_birth_is_that_of_a_process_that_can_be_the_child(session: int, then: tuple[int, int], its: bool) -> None:
    above = [Exec(10, 8, session), Exec(20, 10, session)]
    *_, bearer, last = play(*above, Born(30, 20, 10, session), Exec(30, *then, at=1.1))
    assert (last.process.born is not None, last.process.parent is bearer.process) == (its, its)
    # a vfork stands in the log after its child's execution: then who is above the one that bore it isn't known yet
    *_, last = play(*above, Exec(30, *then, at=1.1), Born(30, 20, 10, session))
    assert (last.process.born is not None) is (its and then != (8, UNSET))


@pytest.mark.parametrize(("at", "anew"), [(0.5, False), (1.0, False), (1.5, True), (2.0, True), (2.5, False)])
def test_a_pid_that_was_born_since_is_another_process(at: float, anew: bool) -> None:
    """Also where that birth is not the process's own: who executes then isn't known."""
    born = Born(30, 21, 20, OTHERS, at)
    before = [born] if at < 1 else []
    after = [born] if at >= 1 else []
    *_, first, second = play(*before, Exec(30, 7), *after, Exec(30, 7, at=2.0))
    assert (first.process is not second.process) is anew
    *_, first, child = play(*before, Exec(30, 7, runs="sh"), *after, Exec(40, 30, at=2.0))
    assert child.process.parent is (None if anew else first.process)
    assert (child.by is None) is anew


def test_who_bore_it_is_known_after_another_got_that_pid() -> None:
    first, _, last = play(
        Exec(20, 10, runs="bash"),
        Born(30, 20, 10),
        Born(20, 9, 1, OTHERS, 1.1),
        Exec(20, 9, OTHERS, 1.1, "cat"),
        Exec(30, 1, at=1.2),
    )
    assert last.process.parent is first.process
    assert last.process.inherited == image("bash", 20)


def test_two_births_of_one_pid_in_one_tick_of_the_clock() -> None:
    """The kernel's clock for records stands still for some milliseconds."""
    *_, first, second = play(
        Exec(20, 10), Exec(21, 10), Born(30, 20, 10), Exec(30, 20), Born(30, 21, 10, OTHERS), Exec(30, 21, OTHERS)
    )
    assert first.process is not second.process


def test_who_initiates() -> None:
    first, itself, child, forks, adopted = play(
        Exec(10, 1, runs="sshd"),
        Born(20, 10),
        Exec(20, 10, at=1.1, runs="env"),
        Exec(20, 10, at=1.2, runs="bash"),
        Born(30, 20, 10, at=1.3),
        Exec(30, 20, at=1.4),
        Born(31, 20, 10, at=1.5),  # a subshell
        Born(32, 31, 20, at=1.6),
        Exec(32, 31, at=1.7),
        Born(33, 31, 1, at=1.8),  # whose parent has ended
        Exec(33, 31, at=1.9),
    )[1:]
    sshd, env, bash = image("sshd", 10), image("env", 20), image("bash", 20)
    assert first.by == Initiating(10, 1, sshd, None, None)
    assert itself.by == Initiating(20, 10, env, None, sshd)
    assert child.by == Initiating(20, 10, bash, None, sshd)
    assert forks.by == Initiating(31, 20, bash, 1500, bash)
    assert adopted.by == Initiating(31, 1, bash, 1500, None)


def test_who_has_adopted_a_fork_initiates_what_that_executes() -> None:
    forked: list[Step] = [Exec(20, 10, runs="sh"), Exec(30, 20, runs="bash"), Born(40, 30, 20)]
    *_, last = play(*forked, Exec(40, 20, at=1.1))
    assert last.by == Initiating(20, 10, image("sh", 20), None, None)


def test_a_birth_in_a_container_tells_a_number_of_its_own() -> None:
    """Also that of a fork there, which executed nothing itself; the number is somebody else's in the log."""
    container, process = play(Exec(500, 1, contained=True), Born(2, 500), Born(3, 501, 500), Exec(3, 9, at=1.1))
    assert process.process.born is None
    assert process.process.parent is None
    assert container.process.contained


def test_who_is_started_in_a_container_was_born_there() -> None:
    """Its number in the log was another's before, whose birth was told, and who may have executed something."""
    for known in ([], [Exec(700, 9)]):
        before: list[Step] = [Exec(9, 8), Born(700, 9), *known, Exec(500, 1, contained=True)]
        *_, container, process = play(*before, Exec(700, 500, at=1.1))
        assert process.process.born is None
        assert process.process.parent is container.process
        assert process.process.contained


def test_a_process_without_a_birth_is_another_below_a_container() -> None:
    *_, stranger, _, process = play(Exec(700, 9), Exec(500, 1, contained=True), Exec(700, 500), Born(40, 41))
    assert stranger is not process


@pytest.mark.parametrize(("at", "known"), [(1.5, True), (2.0, True), (2.5, False), (3.0, False), (3.5, True)])
def test_a_parent_that_executed_nothing_is_remembered_until_its_pid_is_given_anew(at: float, known: bool) -> None:
    processes, _ = read([Exec(20, 10), Born(40, 20, 10, at=at)])
    presumed = processes.presume(Moment(2000, 9, 41, 40, OURS))
    assert (presumed.pid, presumed.ppid, presumed.session, presumed.image()) == (40, NOBODY, UNSET, None)
    assert (processes.alive(40, Moment(3000, 10, 42, 40, OURS)) is presumed) is known


def test_a_parent_that_executed_nothing_is_remembered_until_the_counter_has_come_by() -> None:
    events = events_of([Exec(pid, 9) for pid in AROUND])
    processes = read_processes(events)
    processes.executes(Moment.of(events[0]))
    presumed = processes.presume(Moment(1000, 2, 30, STARTER, OURS))
    found = []
    for event in events[1:]:
        processes.executes(Moment.of(event))
        found.append(processes.alive(STARTER, Moment.of(event)) is presumed)
    cycle = PidCycle(AROUND)
    assert found == [not cycle.passed(STARTER, 0, place) for place in range(1, len(AROUND))]


@pytest.mark.parametrize(
    ("listed", "first", "then", "initiating"),
    [
        ("sh", "ls", "id", (30, "sh")),
        ("ls", "ls", "id", (20, "bash")),  # the list was made after it had begun
        ("id", "ls", "id", (30, "id")),
    ],
)
def test_what_was_there_before_the_log_begins(listed: str, first: str, then: str, initiating: tuple[int, str]) -> None:
    above = Process(20, 1, OURS, 0, -1, images=[(0, image("bash"))])
    known = Process(30, 20, OURS, 0, -1, parent=above, inherited=image("bash"), images=[(0, image(listed))])
    _, found = read([Exec(30, 20, runs=first), Exec(30, 20, runs=then)], [above, known])
    assert found[0].process is known
    by = found[0].by
    assert by
    assert (by.pid, by.image.name) == initiating
    assert found[1].by
    assert found[1].by.image.name == first


@pytest.mark.parametrize("call", ["", "exe="])
def test_a_list_that_tells_no_path_is_not_what_an_unknown_program_executes(call: str) -> None:
    lines = [
        f"type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 success=yes pid=30 ppid=20 {call}",
        'type=EXECVE msg=audit(1.000:1): argc=1 a0="x"',
    ]
    known = Process(30, 20, OURS, 0, -1, images=[(0, Image(30, 20, "", "kworker", "", "", "root", UNSET))])
    read_processes(read_events(lines), [known])
    assert known.images


pids, ticks = st.integers(1, 5), st.sampled_from([1.0, 1.004])
steps = st.builds(Exec, pids, pids, st.just(OURS), ticks) | st.builds(Born, pids, pids, pids, st.just(OURS), ticks)


@example([Born(20, 20)])
@example([Exec(20, 21), Born(20, 21, 20), Born(21, 20, 21)])
@given(st.lists(steps))
def test_no_log_breaks_it_or_makes_a_process_its_own_forefather(log: list[Step]) -> None:
    for process, _ in play(*log):
        seen: set[Process] = set()
        for each in process.line_of_descent():
            assert each not in seen
            seen.add(each)


@pytest.mark.parametrize(("nested", "known"), [(1, 1), (2, 2), (VFORKS, VFORKS), (VFORKS + 1, VFORKS), (2000, VFORKS)])
def test_births_that_stand_in_the_log_after_all_that_they_led_to(nested: int, known: int) -> None:
    """As those of vforks within each other do; each time, and not for ever: a damaged log may have any number."""
    log: list[Step] = []
    for last in (nested + 100, nested + 5100):
        log += [Exec(last, last - 1), *(Born(last - place, last - place - 1) for place in range(nested))]
    for found in play(*log):
        pids = [each.pid for each in found.process.line_of_descent() if each.born]
        assert pids == [found.process.pid - place for place in range(known)]
