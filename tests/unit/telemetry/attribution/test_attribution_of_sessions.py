"""Whose a process is by its audit session, by the shell that it descends from, and by when that ran."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harness.model.manifest import Detonation, Execution, Manifest
from harness.recording import Recording
from harness.telemetry.attribution import Attribution, read_processes, read_sessions
from harness.telemetry.readers.audit_log import read_events
from harness.telemetry.rows.exec_rows import ExecRows
from tests.unit.telemetry.attribution.placing import ID, NONE, attack, executed, login, place, placed_of, request

STRANGE = 777  # a session that nobody has told of


@pytest.fixture
def manifest(committed: Recording) -> Manifest:
    return committed.manifest


def first_of(manifest: Manifest) -> tuple[Detonation, Execution]:
    first = manifest.detonations[0]
    assert first.attack
    return first, first.attack


def test_what_never_attacked_has_preparations_all_the_same(manifest: Manifest) -> None:
    first, _ = first_of(manifest)
    assert first.others
    assert first.others[0].session is not None
    only = manifest.model_copy(update={"detonations": [first.model_copy(update={"attack": None})]})
    assert [p.slice for p in place(only, [(5, 4, first.others[0].session, "docker info")])] == ["harness"]


@pytest.mark.parametrize(
    ("offset", "its"), [(-51, False), (-50, True), (0, True), (4000, True), (4050, True), (4051, False)]
)
def test_a_shell_is_the_attacks_from_a_little_before_it_begins_until_a_little_after_its_end(
    manifest: Manifest, offset: int, its: bool
) -> None:
    """In milliseconds from its start; it ends after four seconds. A later process with its pid is another's."""
    first, shell = first_of(manifest)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    lasts = {"session": None, "started": began, "finished": began + timedelta(seconds=4)}
    only = first.model_copy(update={"attack": shell.model_copy(update=lasts), "others": []})
    manifest = manifest.model_copy(update={"detonations": [only]})
    line = executed(1, shell.pid, manifest.harness_pid, NONE, "bash", began.timestamp() + offset / 1000)
    # what else Livefire starts is its own
    assert [p.slice for p in placed_of(manifest, line)] == [first.atomic if its else "harness"]


def descendant(manifest: Manifest, session: int) -> list[str]:
    """A log in which a child of the attack's shell, called 41, executes something in some session."""
    _, pid, own = attack(manifest)
    return [*executed(1, pid, 4, own, "bash", 1.0), *executed(2, 41, pid, session, "setsid", 1.0)]


def in_new_session(manifest: Manifest, *lines: list[str]) -> str:
    """The slice of a process of which nothing is known but that it is in the session 778."""
    log = [line for each in lines for line in each]
    return placed_of(manifest, [*log, *executed(90, 50, 1, 778, "docker run", 9.0)])[-1].slice


def test_a_new_session_is_his_who_descends_from_the_attack(manifest: Manifest) -> None:
    atomic, pid, own = attack(manifest)
    assert in_new_session(manifest, login(3, 49, 1, own, 778, 1.0)) == atomic
    assert in_new_session(manifest, descendant(manifest, NONE), login(3, 41, pid, NONE, 778, 1.0)) == atomic
    assert in_new_session(manifest, descendant(manifest, NONE), login(3, 49, 1, NONE, 778, 1.0)) == "background"
    # init has adopted it: what it descends from is known by the session that it had until then
    assert in_new_session(manifest, descendant(manifest, STRANGE), login(3, 41, 1, STRANGE, 778, 1.0)) == atomic


@pytest.mark.parametrize(
    ("intact", "damaged"),
    [("res=1", "res=0"), (f" old-ses={NONE}", ""), (" ses=778", " ses=x"), ("LOGIN", "USER_LOGIN")],
)
def test_a_login_that_failed_or_is_damaged_makes_no_session_anybodys(
    manifest: Manifest, intact: str, damaged: str
) -> None:
    _, pid, _ = attack(manifest)
    record, call = login(3, 41, pid, NONE, 778, 1.0)
    told = [record.replace(intact, damaged), call.replace("ses=778", f"ses={NONE}")]
    assert in_new_session(manifest, descendant(manifest, NONE), told) == "background"


RUNTIME = "/x/run-1/atomic-0/.config/containers/runtime"


@pytest.mark.parametrize(("words", "own"), [("sh -e -u -x", True), ("sh -e -u -x -v", False)])
def test_livefires_own_runtime_stands_among_the_first_words(manifest: Manifest, words: str, own: bool) -> None:
    """Of its interpreter; else somebody only names it."""
    atomic, _, session = attack(manifest)
    execs = [(5, 4, session, "podman run i"), (6, 5, session, f"{words} {RUNTIME} create")]
    assert [p.slice for p in place(manifest, execs)] == [atomic, "harness" if own else atomic]


@pytest.mark.parametrize("births", [False, True])
def test_livefires_own_runtime_may_be_started_by_a_fork_that_nobody_told_of(manifest: Manifest, births: bool) -> None:
    """As conmon does it, which leaves its parent. Where births are told, what it is is known."""
    atomic, _, session = attack(manifest)
    told = "arch=c000003e syscall=56 success=yes exit=9 ppid=1 pid=8 ses=1"
    birth = [f"type=SYSCALL msg=audit(1.000:1): {told}"] if births else []
    found = placed_of(manifest, [*birth, *executed(2, 6, 5, session, f"sh {RUNTIME} create", 1.0)])
    assert [(p.slice, p.own_shim) for p in found] == [(atomic, False) if births else ("harness", True)]


@pytest.mark.parametrize("used", [False, True])
def test_livefires_own_runtime_is_its_own_below_a_shim_only_where_the_lab_has_it(
    manifest: Manifest, used: bool
) -> None:
    atomic, _, _ = attack(manifest)
    manifest = manifest.model_copy(update={"lab": manifest.lab.model_copy(update={"runtime_shim": used})})
    execs = [
        (10, 1, NONE, f"containerd-shim-runc-v2 -namespace moby -id {ID}"),
        (11, 10, NONE, f"python3 -I -S /x/lab/oci_shim.py /usr/sbin/runc create --bundle /b/{ID} {ID}"),
    ]
    found = place(manifest, execs, request(atomic))
    assert [(p.slice, p.own_shim) for p in found] == [(atomic, False), ("harness", True) if used else (atomic, False)]


def change(session: int | str, *, kind: str = "CONFIG_CHANGE", by: str = "") -> list[str]:
    """A change of the audit; `by` are the fields of the SYSCALL record beside it."""
    head = "msg=audit(1.000:90):"
    call = [f"type=SYSCALL {head} arch=c000003e syscall=44 success=yes exit=60 {by}"] if by else []
    return [f'type={kind} {head} auid=0 ses={session} op=remove_rule key="x" list=4 res=1', *call]


def whose_change(manifest: Manifest, *lines: list[str]) -> str:
    events = list(read_events([line for each in lines for line in each]))
    rows = ExecRows(
        Attribution(manifest, [], read_processes(events), sessions=read_sessions(manifest, events)),
        "host",
        "raw/auditd.log",
    )
    for event in events:
        rows.add(event, None)
    (found,) = [row for row in rows.auditd if row["Serial"] == 90]
    return str(found["_Slice"])


@pytest.mark.parametrize("kind", ["CONFIG_CHANGE", "DAEMON_END"])
def test_a_change_of_the_audit_is_his_who_made_it(manifest: Manifest, kind: str) -> None:
    name, _, session = attack(manifest)
    prepares = first_of(manifest)[0].others[0].session
    assert prepares is not None
    assert whose_change(manifest, change(session, kind=kind)) == name
    assert whose_change(manifest, change(prepares, kind=kind)) == "harness"
    assert whose_change(manifest, change(STRANGE, kind=kind)) == "background"
    assert whose_change(manifest, change(NONE, kind=kind)) == "background"
    assert whose_change(manifest, change("x", kind=kind)) == "background"


def test_a_change_by_who_has_left_the_attack_s_session_is_the_attack_s(manifest: Manifest) -> None:
    name, pid, session = attack(manifest)
    assert whose_change(manifest, login(80, 43, pid, session, STRANGE, 0.6), change(STRANGE)) == name
    begins = executed(1, pid, 4, session, "bash", 0.5)
    assert whose_change(manifest, begins, change(NONE, by=f"ppid={pid} pid=43 ses={NONE}")) == name
    assert whose_change(manifest, begins, change(NONE, by=f"ppid=1 pid=43 ses={NONE}")) == "background"
    own = f"ppid=1 pid={manifest.harness_pid} ses={NONE}"
    assert whose_change(manifest, begins, change(NONE, by=own)) == "harness"


def test_a_change_is_his_in_whose_session_the_process_is(manifest: Manifest) -> None:
    name, _, session = attack(manifest)
    assert whose_change(manifest, change(NONE, by=f"ppid=1 pid=43 ses={session}")) == name


def test_a_change_of_which_no_process_is_told_is_no_descendants(manifest: Manifest) -> None:
    """Nor is it one of another process of which no number is told."""
    _, pid, session = attack(manifest)
    nameless = [
        line.replace(f" pid={pid}", "").replace(" ppid=4", "") for line in executed(1, pid, 4, session, "x", 0.5)
    ]
    assert whose_change(manifest, nameless, change(NONE)) == "background"
