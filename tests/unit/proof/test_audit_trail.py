"""What an audit log tells of the audit itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.manifest import Canary, Manifest
from harness.proof.audit_trail import AuditTrail
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
