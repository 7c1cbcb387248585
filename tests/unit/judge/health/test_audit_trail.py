"""What an audit log tells of the audit itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.health.audit_trail import AuditTrail
from harness.model.manifest import Canary, Manifest
from harness.recording import Recording, layout
from tests.conftest import MAIN_JOB

HEAD = "msg=audit(1795518215.287:{})"


def log(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def counted(manifest: Manifest) -> Manifest:
    """As one whose marks have readings."""
    marks = {"readings": {"lost": 0}}
    sensors = [s.model_copy(update={"marks": [m.model_copy(update=marks) for m in s.marks]}) for s in manifest.sensors]
    return manifest.model_copy(update={"sensors": sensors})


def eoe(serial: int) -> str:
    return f"type=EOE {HEAD.format(serial)}: "


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('op=remove_rule key="livefire" list=4 res=1', "a rule was removed"),
        ('op=add_rule key="livefire" list=4 res=1', "a rule was added"),
        ("op=set audit_enabled=0 old=1 auid=0 ses=4 res=1", "the kernel's audit was switched off"),
        ("op=set lost=0 old=812 auid=0 ses=4 res=1", "the count of lost records was set back from 812"),
        ("op=set audit_backlog_limit=1 old=8192 res=1", "the audit was changed (op=set, audit_backlog_limit=1)"),
    ],
)
def test_a_change_is_told_and_whose_it_was(committed: Recording, body: str, said: str) -> None:
    attack = committed.manifest.detonations[0].attack
    assert attack is not None
    line = f"type=CONFIG_CHANGE {HEAD.format(7)}: {body.replace('ses=4', f'ses={attack.session}')}"
    trail = AuditTrail.of(log(eoe(6), line, eoe(8)), committed.manifest)
    whose = f", by {MAIN_JOB[0]}" if "ses=" in body else ""
    assert trail.between(1, 3, 9) == [f"{said} during the capture (serial 7){whose}"]
    assert trail.between(2, 3, 9) == []
    assert trail.between(2, 3, 1) != []


def test_serials_that_are_missing_are_events_that_did_not_arrive(committed: Recording) -> None:
    lines = log(eoe(6), eoe(8), eoe(7), eoe(12), f"type=DAEMON_START {HEAD.format(9999)}: op=start", eoe(13))
    assert AuditTrail.of(lines, committed.manifest).changes == []
    found = AuditTrail.of(lines, counted(committed.manifest)).changes
    assert found == [(4, "3 events are missing before serial 12")]


def test_a_real_log_misses_nothing(committed: Recording) -> None:
    found = AuditTrail.of(committed.read(layout.AUDIT_LOG), counted(committed.manifest)).changes
    assert not [text for _, text in found if "missing" in text]


@given(st.lists(st.integers(1, 200), unique=True, min_size=2).map(sorted))
def test_each_gap_is_counted(committed_manifest: Manifest, serials: list[int]) -> None:
    trail = AuditTrail.of(log(*map(eoe, serials)), committed_manifest)
    missing = sum(int(text.split()[0]) for _, text in trail.changes)
    assert missing == serials[-1] - serials[0] + 1 - len(serials)


@pytest.fixture(scope="module")
def committed_manifest() -> Manifest:
    from harness.recording import open_recording
    from tests.conftest import COMMITTED

    return counted(open_recording(COMMITTED).manifest)


def executed(pid: int, session: int, name: str, token: str) -> tuple[str, str]:
    call = f"arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid={pid} auid=0 uid=0 ses={session}"
    return (
        f"type=SYSCALL {HEAD.format(7)}: {call}",
        f'type=EXECVE {HEAD.format(7)}: argc=2 a0="/usr/bin/{name}" a1="{token}"',
    )


@pytest.mark.parametrize(
    ("pid", "other_session", "name", "token", "came"),
    [
        (4242, 0, "docker", "livefire-canary-0a", True),
        (4243, 0, "docker", "livefire-canary-0a", False),
        (4242, 1, "docker", "livefire-canary-0a", False),
        (4242, 0, "sh", "livefire-canary-0a", False),
        (4242, 0, "docker", "livefire-canary-0b", False),
    ],
)
def test_a_canary_of_an_attack_came_if_program_token_pid_and_session_are_its_own(
    committed: Recording, pid: int, other_session: int, name: str, token: str, came: bool
) -> None:
    detonation = committed.manifest.detonations[0]
    assert detonation.attack is not None
    assert detonation.attack.session is not None
    canary = Canary(when="before", name="docker", token="livefire-canary-0a", pid=4242)
    attack = detonation.attack.model_copy(update={"canaries": [canary]})
    lines = log(*executed(pid, detonation.attack.session + other_session, name, token))
    missing = AuditTrail.of(lines, committed.manifest).canaries_missing(
        detonation.model_copy(update={"attack": attack})
    )
    assert missing == (
        [] if came else ["docker with a canary, before the attack and in its session, is not in the log"]
    )


def session_of(manifest: Manifest) -> int:
    attack = manifest.detonations[0].attack
    assert attack
    assert attack.session is not None
    return attack.session


def test_of_all_that_happened_the_first_three_are_told() -> None:
    changes = [(line, f"change {line}") for line in range(1, 10)]
    trail = AuditTrail(changes, [(line, f"command {line}") for line in range(1, 10)], {})
    assert trail.between(2, 4, 9) == ["change 3"]
    assert trail.between(2, 4, 8) == ["change 3", "change 9"]  # what no canary brackets may be anybody's
    assert trail.between(2, 3, 9) == []
    assert trail.between(2, 9, 99) == ["change 3", "change 4", "change 5"]
    assert trail.to_blame(2, 4) == ["command 3"]
    assert trail.to_blame(2, 9) == ["command 3", "command 4", "command 5"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("op=set lost=0 old=", "the count of lost records was set back from "),
        ("op=set lost=0 res=1", "the count of lost records was set back from ?"),
        ("audit_failure=2 old=1 res=1", "the audit was changed (audit_failure=2)"),
        ("op=set audit_enabled=2 res=1", "the audit was changed (op=set, audit_enabled=2)"),
        ("res=1", "the audit was changed ()"),
        ("op=add_rule ses=x res=1", "a rule was added"),
    ],
)
def test_what_a_change_says(committed: Recording, body: str, said: str) -> None:
    trail = AuditTrail.of(log(f"type=CONFIG_CHANGE {HEAD.format(7)}: {body}"), committed.manifest)
    assert trail.changes == [(1, f"{said} during the capture (serial 7)")]


def test_what_quotes_another_record_is_not_that_one(committed: Recording) -> None:
    quoting = f"type=USER_CMD {HEAD.format(7)}: cmd=type=CONFIG_CHANGE op=remove_rule"
    assert AuditTrail.of(log(quoting), committed.manifest).changes == []


def test_a_long_name_of_the_host_hides_no_change(committed: Recording) -> None:
    line = f"node={'n' * 64} type=CONFIG_CHANGE {HEAD.format(7)}: op=remove_rule"
    assert len(AuditTrail.of(log(line), committed.manifest).changes) == 1


def test_bytes_that_are_no_text_hide_no_change(committed: Recording) -> None:
    lines = log(f"type=CONFIG_CHANGE {HEAD.format(7)}: op=remove_rule key=?").replace(b"?", b"\xff")
    assert len(AuditTrail.of(lines, committed.manifest).changes) == 1


@pytest.mark.parametrize(("kind", "ended"), [("END", True), ("ABORT", True), ("START", False), ("ROTATE", False)])
def test_a_daemon_that_ends_is_told_and_nothing_else_of_it(committed: Recording, kind: str, ended: bool) -> None:
    lines = log(f"type=DAEMON_{kind} {HEAD.format(7)}: op=x", "type=CONFIG_CHANGE damaged", "x type=CONFIG_CHANGE")
    changes = [(1, "the daemon ended during the capture")]
    assert AuditTrail.of(lines, committed.manifest).changes == (changes if ended else [])


def test_only_who_counted_can_miss_an_event(committed: Recording) -> None:
    one, other = log(eoe(6), eoe(6 + (1 << 20))), log(eoe(6), eoe(6), eoe(5 + (1 << 20)))
    manifest = counted(committed.manifest)
    assert AuditTrail.of(one, manifest).changes == []  # of another boot
    assert AuditTrail.of(other, manifest).changes == [(3, f"{(1 << 20) - 2} events are missing before serial 1048581")]
    assert AuditTrail.of(other, manifest.model_copy(update={"sensors": []})).changes == []
    assert AuditTrail.of(log("", "text", f"node=a {eoe(6)}", "", eoe(8)), manifest).changes == [
        (5, "1 events are missing before serial 8")
    ]


def test_changes_and_gaps_are_told_in_the_order_of_the_log(committed: Recording) -> None:
    change = f"type=CONFIG_CHANGE {HEAD.format(9)}: op=add_rule"
    found = AuditTrail.of(log(eoe(6), eoe(8), change), counted(committed.manifest)).changes
    assert [line for line, _ in found] == [2, 3]


def command(*words: str, serial: int = 7, session: int = 1, pid: int = 4) -> list[str]:
    arguments = " ".join(f'a{n}="{word}"' for n, word in enumerate(words))
    return [
        f"type=SYSCALL {HEAD.format(serial)}: arch=c000003e syscall=59 success=yes pid={pid} ses={session}",
        f"type=EXECVE {HEAD.format(serial)}: argc={len(words)} {arguments}",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["auditctl", "-D"], True),
        (["/sbin/auditctl", "-s", "-e", "0"], True),
        (["auditctl", "-l", "-s", "-v", "-h", "-i"], False),
        (["auditctl"], False),
        (["echo", "auditctl"], False),
        (["/auditctl/x", "-D"], False),
    ],
)
def test_what_an_attack_means_to_change_is_told_whatever_came_of_it(
    committed: Recording, words: list[str], told: bool
) -> None:
    session = session_of(committed.manifest)
    lines = [eoe(6), *command(*words, session=session)]
    expected = [(3, f"{MAIN_JOB[0]} executed: {' '.join(words)}")] if told else []
    assert AuditTrail.of(log(*lines), committed.manifest).commands == expected
    assert AuditTrail.of(log(*command(*words, session=session + 1000)), committed.manifest).commands == []
    for order in ([2], [2, 1], [0, 2, 1]):  # the call stands before the arguments, else who it was is not told
        assert AuditTrail.of(log(*(lines[place] for place in order)), committed.manifest).commands == []


def test_a_command_of_which_a_part_is_lost_is_told_without_it(committed: Recording) -> None:
    call, execve = command("auditctl", "-D", session=session_of(committed.manifest))
    found = AuditTrail.of(log(call, execve.replace("argc=2", "argc=3")), committed.manifest).commands
    assert found == [(2, f"{MAIN_JOB[0]} executed: auditctl -D ")]
    for lost in (execve.replace('a0="auditctl"', 'a2="auditctl"'), f"type=EXECVE {HEAD.format(7)}: auditctl"):
        assert AuditTrail.of(log(call, lost), committed.manifest).commands == []


@pytest.mark.parametrize(("between", "known"), [(0, True), (198, True), (199, False)])
def test_the_call_of_an_execution_stands_a_little_before_it(committed: Recording, between: int, known: bool) -> None:
    """Other events' records may stand between them, also of one whose serial ends alike."""
    call, execve = command("auditctl", "-D", session=session_of(committed.manifest))
    other, _ = command("x", serial=17)
    lines = [call, *[other] * between, execve]
    assert len(AuditTrail.of(log(*lines), committed.manifest).commands) == known


def test_an_execution_whose_call_is_damaged_is_nobodys(committed: Recording) -> None:
    _, execve = command("auditctl", "-D", session=session_of(committed.manifest))
    quoting = f"type=SYSCALL {HEAD.format(6)}: ses={session_of(committed.manifest)} exe=(:7)"
    for damaged in (f"type=SYSCALL {HEAD.format(7)[:-1]}x): :7)", quoting, "type=SYSCALL :7)"):
        assert AuditTrail.of(log(damaged, execve), committed.manifest).commands == []


TOKEN = "livefire-canary-0a"


@pytest.mark.parametrize(
    ("words", "in_attack", "came"),
    [
        (["/bin/true", TOKEN], False, True),
        (["/bin/true", TOKEN], True, False),
        (["true", TOKEN], False, False),
        (["/bin/true", TOKEN, "x"], False, False),
        (["/bin/true", "livefire-canary-0b"], False, False),
    ],
)
def test_a_canary_in_a_container_came_in_no_session_of_an_attack(
    committed: Recording, words: list[str], in_attack: bool, came: bool
) -> None:
    session = session_of(committed.manifest)
    lines = command(*words, session=session if in_attack else session + 1000)
    assert AuditTrail.of(log(*lines), committed.manifest).contained(TOKEN) is came
    assert AuditTrail.of(log(lines[1]), committed.manifest).contained(TOKEN) is False  # by whom is not told


def test_a_canary_is_known_by_its_process_session_and_arguments(committed: Recording) -> None:
    others = [command("id", "-u", serial=8), command("grep", TOKEN, "x", serial=9), command(TOKEN, serial=10)]
    lines = [*command("true", TOKEN, session=8, pid=9), *(line for other in others for line in other)]
    trail = AuditTrail.of(log(*lines), committed.manifest)
    assert trail.canaries == {TOKEN: (9, 8, ["true", TOKEN])}
    assert trail.sessions == {d.attack.session for d in committed.manifest.detonations if d.attack}


def test_what_has_no_session_is_in_none(committed: Recording) -> None:
    """And what was not executed has no canaries to miss."""
    first = committed.manifest.detonations[0]
    assert first.attack
    canary = Canary(when="before", name="docker", token=TOKEN, pid=4)
    blind = first.model_copy(update={"attack": first.attack.model_copy(update={"session": None, "canaries": [canary]})})
    skipped = first.model_copy(update={"attack": None})
    manifest = committed.manifest.model_copy(update={"detonations": [blind, skipped]})
    trail = AuditTrail.of(log(*command("/usr/bin/docker", TOKEN, session=99)), manifest)
    assert trail.sessions == frozenset()
    assert trail.canaries_missing(blind) == []
    assert trail.canaries_missing(skipped) == []
    nothing = AuditTrail.of(b"", manifest)
    assert nothing.canaries_missing(blind) == [
        "docker with a canary, before the attack and in its session, is not in the log"
    ]


def login(pid: int, session: int, serial: int = 7) -> str:
    return f"type=LOGIN {HEAD.format(serial)}: pid={pid} uid=0 old-auid=4294967295 auid=0 old-ses=4 ses={session} res=1"


def test_a_shell_that_was_in_another_session_than_the_manifest_tells(committed: Recording) -> None:
    detonation = committed.manifest.detonations[0]
    assert detonation.attack
    pid, session = detonation.attack.pid, detonation.attack.session
    assert session is not None
    for lines, said in (
        ([login(pid, session)], []),
        ([login(pid, session + 1), login(pid, session, 8)], []),  # a pid that was used before
        ([login(pid, session), login(pid, session + 1, 8)], []),  # or again
        ([f"type=LOGIN {HEAD.format(7)}: pid={pid} uid=0 res=1"], []),
        ([login(pid + 1, session + 1)], []),
        ([eoe(6)], []),  # nothing tells
        (
            [login(pid, session + 1)],
            [f"the attack's shell (pid {pid}) was not in session {session}, as the manifest says"],
        ),
    ):
        trail = AuditTrail.of(log(*lines), committed.manifest)
        assert trail.other_session(detonation) == said
        no_session = detonation.attack.model_copy(update={"session": None})
        assert trail.other_session(detonation.model_copy(update={"attack": no_session})) == []
        assert trail.other_session(detonation.model_copy(update={"attack": None})) == []
