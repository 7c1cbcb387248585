"""What a process that was there before was asked for: neither an attack's nor a stranger's, and only then."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.telemetry.attribution import Attribution, Moment, birth_of, processes_of, read_processes
from harness.telemetry.attribution.contacts import Contact
from harness.telemetry.attribution.moments import UNSET, Image
from harness.telemetry.attribution.processes import BEFORE, Process
from harness.telemetry.attribution.residents import Residents
from harness.telemetry.readers.alive_processes import Resident, read_alive
from harness.telemetry.readers.audit_log import read_events
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.schema import ambiguous
from tests.unit.telemetry.attribution.asking import AT, ATTACK, FIRST, MANIFEST, SESSION, connects, residents_of, unix

AFTER = ATTACK.finished.timestamp() + 5
UNCLEAR = ambiguous(FIRST.atomic)


def alive(pid: int, name: str, *asked_at: str, **more: Any) -> str:
    item = {"pid": pid, "parent": 1, "started": AT - 999, "name": name, "path": f"/usr/bin/{name}", "session": None}
    return json.dumps(item | {"contained": False, "ours": False, "asked_at": asked_at} | more)


DAEMON, BUS, CRON = (
    alive(70, "daemon", "/run/d.sock", "/run/d.fifo", "tcp:22"),
    alive(71, "dbus-daemon", "/run/bus"),
    "",
)
ALIVE = [DAEMON, BUS, alive(72, "cron"), alive(73, "bash"), alive(74, "dockerd", "/x/lab.sock", "tcp:6443", ours=True)]


def asked(contact: str, above: int, at: float = AT + 0.02) -> str:
    return residents_of(MANIFEST, ALIVE, read_events(connects(contact))).asked(at, [999, above, 1])


@pytest.mark.parametrize(
    ("contact", "above", "at", "whose"),
    [
        (unix("/run/d.sock"), 70, AT + 0.02, UNCLEAR),
        (unix("/run/d.sock"), 70, AFTER, UNCLEAR),  # a daemon may take its time
        (unix("/run/d.sock"), 70, AT - 1, ""),
        (unix("/run/d.sock"), 73, AT + 0.02, ""),  # a stranger's shell
        (unix("/run/bus"), 73, AT + 0.02, UNCLEAR),  # the bus has others do it
        (unix("/run/bus"), 73, AFTER, ""),
        (unix("/run/unknown"), 73, AT + 0.02, UNCLEAR),
        (unix("/x/lab.sock"), 73, AT + 0.02, ""),  # Livefire's own daemon: what it does is followed
        ("02000016" + "7F000001" + "00" * 8, 70, AT + 0.02, UNCLEAR),
        ("02000050" + "7F000001" + "00" * 8, 73, AT + 0.02, UNCLEAR),  # nobody listened there at the start
        ("02000050" + "7F000001" + "00" * 8, 73, AFTER, ""),
        ("02000050" + "00000000" + "00" * 8, 73, AT + 0.02, UNCLEAR),
        ("0A000050" + "00000000" + "00" * 15 + "01" + "00" * 4, 73, AT + 0.02, UNCLEAR),
        ("02000050" + "C0000202" + "00" * 8, 73, AT + 0.02, ""),  # another machine's
        ("0200192B" + "7F000001" + "00" * 8, 73, AT + 0.02, ""),
    ],
)
def test_what_may_have_been_asked_for(contact: str, above: int, at: float, whose: str) -> None:
    assert asked(contact, above, at) == whose


def test_an_address_of_this_machine_s_own_is_no_other_machine_s() -> None:
    host = MANIFEST.host.model_copy(update={"addresses": ["192.0.2.2"]})
    here = MANIFEST.model_copy(update={"host": host})
    events = list(read_events(connects("02000050" + "C0000202" + "00" * 8)))
    assert residents_of(here, ALIVE, events).asked(AT + 0.02, [999, 73, 1]) == UNCLEAR
    assert residents_of(MANIFEST, ALIVE, events).asked(AT + 0.02, [999, 73, 1]) == ""


@pytest.mark.parametrize(("at", "whose"), [(AT, UNCLEAR), (ATTACK.finished.timestamp() + 3600, ""), (AT - 3600, "")])
def test_what_cron_starts_while_an_attack_runs_may_be_the_attacks(at: float, whose: str) -> None:
    """A file in one of its folders is all that it takes."""
    residents = residents_of(MANIFEST, ALIVE, [])
    assert residents.asked(at, [999, 72, 1]) == whose
    assert residents.asked(at, [999, 73, 1]) == ""


def test_of_an_older_recording_nothing_is_known() -> None:
    residents = residents_of(MANIFEST, [], read_events(connects(unix("/run/d.sock"))))
    assert not residents.known
    assert residents.asked(AT, [72, 70]) == ""


def executes(serial: int, pid: int, parent: int, at: float = AT + 0.02) -> list[str]:
    head = f"msg=audit({at:.3f}:{serial}):"
    call = f"arch=c000003e syscall=59 success=yes ppid={parent} pid={pid} uid=0 ses={UNSET}"
    return [f"type=SYSCALL {head} {call}", f'type=EXECVE {head} argc=2 a0="docker" a1="run"']


def bears(serial: int, pid: int, child: int, at: float = AT + 0.01) -> list[str]:
    head = f"msg=audit({at:.3f}:{serial}):"
    return [f"type=SYSCALL {head} arch=c000003e syscall=56 success=yes exit={child} ppid=1 pid={pid} ses={UNSET}"]


def slices(lines: list[str]) -> list[str]:
    """The slices of the executions in a log."""
    events = list(read_events(lines))
    residents = residents_of(MANIFEST, ALIVE, events)
    processes = read_processes(events, processes_of(residents.all))
    attribution = Attribution(MANIFEST, [], processes=processes, residents=residents)
    found = []
    for event in events:
        moment = Moment.of(event)
        if event.is_exec:
            found.append(attribution.place(moment, processes.executes(moment), ["docker", "run"]).slice)
        elif birth := birth_of(event):
            processes.bear(birth)
    return found


def test_what_descends_from_the_one_that_was_asked() -> None:
    asks = connects(unix("/run/d.sock"))
    assert slices([*asks, *bears(10, 70, 80), *executes(11, 80, 70)]) == [UNCLEAR]
    assert slices([*asks, *bears(10, 73, 80), *executes(11, 80, 73)]) == ["background"]
    assert slices([*bears(10, 70, 80), *executes(11, 80, 70)]) == ["background"]
    early = [*bears(10, 70, 80, AT - 0.9), *executes(11, 80, 70, AT - 0.8)]
    assert slices([*early, *asks]) == ["background"]
    both = [*bears(10, 70, 80), *bears(11, 80, 81), *executes(12, 81, 80), *executes(13, 81, 80, AFTER)]
    assert slices([*asks, *both]) == [UNCLEAR] * 2


def test_a_pid_that_was_given_away_anew_is_not_the_one_that_was_asked() -> None:
    asks = connects(unix("/run/d.sock"))
    reused = [
        *bears(10, 73, 70),
        *executes(11, 70, 73),
        *bears(12, 70, 80, AT + 0.03),
        *executes(13, 80, 70, AT + 0.04),
    ]
    assert slices([*asks, *reused]) == ["background"] * 2


def test_who_was_there_before_is_known_and_another_with_its_pid_is_not_it() -> None:
    residents = residents_of(MANIFEST, ALIVE, [])
    for lines, name in (
        ([*bears(10, 73, 80), *executes(11, 80, 73)], "bash"),
        ([*bears(9, 1, 73, AT), *bears(10, 73, 80), *executes(11, 80, 73)], None),
    ):
        events = list(read_events(lines))
        processes = read_processes(events, processes_of(residents.all))
        for event in events:
            if birth := birth_of(event):
                processes.bear(birth)
            else:
                by = processes.initiating(processes.executes(Moment.of(event)), Moment.of(event))
                assert (by.image.name if by else None) == name


WHO = {"pid": 70, "parent": 7, "started": 1.5, "name": "sh", "path": "/bin/bash", "session": 5, "contained": True}
READ = Resident(70, 7, 1.5, "sh", "/bin/bash", 5, True, False, frozenset({"/run/d"}))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, READ),
        ({"session": None}, replace(READ, session=None)),
        ({"contained": 1, "ours": True}, replace(READ, contained=False, ours=True)),
        ({"asked_at": ["/var/run/d", "tcp:22"]}, replace(READ, asked_at=frozenset({"/var/run/d", "tcp:22"}))),
    ],
)
def test_what_a_line_tells_of_a_process(told: dict[str, Any], expected: Resident) -> None:
    line = json.dumps(WHO | {"ours": False, "asked_at": ["/run/d"]} | told)
    assert read_alive([line, "damaged"]) == [expected]


def test_a_place_has_one_name_however_it_was_written() -> None:
    (known,) = Residents(MANIFEST, [replace(READ, asked_at=frozenset({"/var/run/d", "tcp:22"}))]).all
    assert known == replace(READ, asked_at=frozenset({"/run/d", "tcp:22"}))


def test_what_is_remembered_of_a_process_that_was_there() -> None:
    odd = replace(READ, pid=71, started=1e300, path="", session=None, contained=False)
    known, other = processes_of([odd, READ])
    assert (known.pid, known.ppid, known.session, known.seen, known.place) == (70, 7, 5, 1500, BEFORE)
    assert (known.contained, known.resident) == (True, True)
    assert known.images == [(0, Image(70, 7, "/bin/bash", "bash", "", "1970-01-01 00:00:01.500000", "", 5))]
    assert other.images == [(0, Image(71, 7, "", "sh", "", "", "", UNSET))]
    assert (other.session, other.contained, other.resident) == (UNSET, False, True)


START, END = 1767225600.0, 1767225610.0
PLACE = "/run/d"


def attacked(*known: Resident, contact: float = START + 1, place: str = PLACE) -> Residents:
    """One attack, from START to END, that asks once."""
    times = {"started": datetime.fromtimestamp(START, UTC), "finished": datetime.fromtimestamp(END, UTC)}
    only = FIRST.model_copy(update={"attack": ATTACK.model_copy(update=times)})
    manifest = MANIFEST.model_copy(update={"detonations": [FIRST.model_copy(update={"attack": None}), only]})
    return Residents(manifest, list(known), [Contact(contact, FIRST.atomic, place)])


@pytest.mark.parametrize(
    ("at", "may"), [(START + 0.94, False), (START + 0.95, True), (START + 1, True), (END + 99, True)]
)
def test_only_what_is_started_after_somebody_asked_may_be_for_him(at: float, may: bool) -> None:
    """By the kernel's clock, which may lag a little."""
    assert attacked(READ).asked(at, [70]) == (UNCLEAR if may else "")


@pytest.mark.parametrize(("pid", "may"), [(1, False), (2, True)])
def test_all_descend_from_init_and_that_it_was_asked_tells_nothing(pid: int, may: bool) -> None:
    assert attacked(replace(READ, pid=pid)).asked(END + 9, [pid]) == (UNCLEAR if may else "")


@pytest.mark.parametrize(
    ("at", "running", "around"),
    [
        (START - 0.001, False, False),
        (START, True, True),
        (END + 0.05, True, True),
        (END + 0.06, False, True),
        (END + 1, False, True),
        (END + 61.05, False, True),
        (END + 61.06, False, False),
    ],
)
def test_when_an_attack_runs_and_how_long_a_scheduler_may_take(at: float, running: bool, around: bool) -> None:
    cron = replace(READ, pid=9, name="cron", asked_at=frozenset())
    residents = attacked(READ, cron, contact=START - 9)
    assert residents.asked_at("/var/run/d", at) is running
    assert residents.asked(at, [9]) == (UNCLEAR if around else "")


@pytest.mark.parametrize(
    ("asked", "at", "contact", "expected"),
    [
        (PLACE, START + 2, START + 1, True),
        ("/run/e", START + 2, START + 1, False),
        (PLACE, START + 2, START + 3, False),
        (PLACE, START + 2, START + 2.05, True),
        (PLACE, START + 2, START + 2.06, False),
    ],
)
def test_whether_an_attack_has_asked_at_a_place(asked: str, at: float, contact: float, expected: bool) -> None:
    assert attacked(READ, contact=contact).asked_at(asked, at) is expected
    other = attacked(READ, contact=contact)
    other.contacts = [replace(each, atomic="T1/other") for each in other.contacts]
    assert other.asked_at(asked, at) is False


@pytest.mark.parametrize(
    ("place", "expected"),
    [("/tmp/link", True), ("/run/e", True), ("@d", False), ("", False)],
)
def test_a_path_at_which_nobody_is_known_to_listen_may_lead_to_any_place(place: str, expected: bool) -> None:
    """Such as a link to the socket, or another mount of it."""
    assert attacked(READ, place=place).asked_at("/run/e", START + 2) is expected
    assert attacked(READ, place=place, contact=START + 3).asked_at("/run/e", START + 2) is False


def test_a_port_that_nobody_had_and_of_which_no_machine_is_told_is_another_machines() -> None:
    assert attacked(READ, place="tcp:80").contacts == []


def test_who_is_above_all_that_is_known_is_known_by_his_pid() -> None:
    cron = replace(READ, pid=9, name="cron")
    line = Process(80, 9, UNSET, 0, 0)
    for pid in (81, 82):
        line = Process(pid, line.pid, UNSET, 0, 0, parent=line)
    assert attacked(cron, place="/run/e").asked_of(line, START) == UNCLEAR
    assert attacked(replace(cron, pid=80), place="/run/e").asked_of(line, START) == ""  # another with that pid


odd = st.recursive(st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v))


@given(st.text(), st.sampled_from(list(json.loads(DAEMON))), odd)
@example("", "started", float("nan"))
@example("", "started", float("inf"))
@example("", "parent", 70)
def test_no_line_breaks_the_reader(line: str, key: str, value: object) -> None:
    above([line, json.dumps(json.loads(DAEMON) | {key: value}), DAEMON])


def above(lines: list[str]) -> dict[int, list[int]]:
    """The pids that were there, each with those above."""
    return {
        process.pid: [each.pid for each in itertools.islice(process.line_of_descent(), 1, 9)]
        for process in processes_of(read_alive(lines))
    }


def test_a_process_that_was_there_knows_who_is_above() -> None:
    lines = [
        alive(80, "bash", parent=79),
        alive(79, "sshd", parent=7),
        alive(81, "x", parent=82),
        alive(82, "y", parent=81),
    ]
    assert above(lines) == {80: [79], 79: [], 81: [], 82: [81]}  # of two that bore each other, one did not


STEP = "runc --log /l/data/buildkit/executor/l.json run --bundle /l/data/buildkit/executor/abc abc"


def step(*asked: DockerRequest, parent: int = 75, kind: str = "managed") -> list[tuple[str, bool]]:
    """Where a step of a build by BuildKit belongs: runc, and what that starts."""
    docker = MANIFEST.lab.docker
    assert docker
    lab = MANIFEST.lab.model_copy(update={"docker": docker.model_copy(update={"kind": kind})})
    manifest = MANIFEST.model_copy(update={"lab": lab})
    residents = residents_of(manifest, [*ALIVE, alive(75, "dockerd")], [])
    events = list(
        read_events([*executes(1, 80, parent), *bears(2, 80, 81, AT + 0.03), *executes(3, 81, 80, AT + 0.04)])
    )
    processes = read_processes(events, processes_of(residents.all))
    attribution = Attribution(manifest, list(asked), processes=processes, residents=residents)
    found = []
    for event in events:
        moment = Moment.of(event)
        if birth := birth_of(event):
            processes.bear(birth)
        else:
            words = STEP.split() if moment.pid == 80 else ["/bin/sh", "-c", "id"]
            placed = attribution.place(moment, processes.executes(moment), words)
            found.append((placed.slice, placed.in_container))
    return found


def building(whose: str, path: str = "/v1.41/build?version=2", **more: Any) -> DockerRequest:
    return DockerRequest(whose, AT - 0.1, AT + 0.1, "POST", path, 200, "", **more)


def test_a_step_of_a_build_is_the_builders() -> None:
    mine = [(FIRST.atomic, False), (FIRST.atomic, True)]
    assert step(building(FIRST.atomic)) == mine
    assert step(building(FIRST.atomic, "/grpc")) == mine
    assert step(building("T1/x", "/grpc")) == [("background", False), ("background", True)]  # it is over
    assert step() == [("background", False), ("background", True)]
    assert step(building(FIRST.atomic), parent=73) != mine  # dockerd did not start it


def test_a_step_of_a_build_that_several_may_have_asked_for_is_nobodys() -> None:
    unclear = [(UNCLEAR, False), (UNCLEAR, True)]
    assert step(building(FIRST.atomic), building("background")) == unclear
    assert step(building(FIRST.atomic), kind="host") == unclear  # a stranger's would not have been noted
    peer = {"pid": 5, "started": 1.0, "session": SESSION, "above": [], "cgroup": ""}
    assert step(building(FIRST.atomic, "/info", peer=peer)) == unclear  # past all gateways


def test_what_the_list_shows_may_be_what_is_executed_a_moment_later_in_the_log() -> None:
    """The log begins first. Who executed it is then its parent, not it itself."""
    events = list(read_events([line.replace(" uid=0", ' uid=0 exe="/usr/bin/runc"') for line in executes(10, 75, 74)]))
    for listed, by in (("runc", 74), ("sh", 75)):
        residents = residents_of(MANIFEST, [*ALIVE, alive(75, listed, parent=74)], events)
        processes, moment = read_processes(events, processes_of(residents.all)), Moment.of(events[0])
        initiating = processes.initiating(processes.executes(moment), moment)
        assert initiating is not None
        assert initiating.pid == by
