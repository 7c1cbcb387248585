"""What speaks against a sensor between the two marks around an attack, told in a few lines of a log."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.judge.health.agreement import Disagreement
from harness.judge.health.health import Health
from harness.model.manifest import Canary, Check, Detonation, Execution, Mark, Output, SensorRecord
from harness.model.observed import SensorHealth
from harness.recording import Recording, layout

Around = Callable[..., SensorHealth]
HEAD = "msg=audit(1795518215.287:{})"
REMOVED = f"type=CONFIG_CHANGE {HEAD.format(3)}: op=remove_rule res=1"
TOLD = "auditd: a rule was removed during the capture (serial 3)"
DAMAGED = "auditd: line {} of raw/auditd.log is damaged"


def at(second: float) -> datetime:
    return datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=second)


def mark(second: int, **more: Any) -> Mark:
    values = {"label": "", "token": f"livefire-canary-{second:02x}", "emitted": at(second), "seen": at(second)}
    return Mark(**values | more)


def canary(second: int) -> str:
    return f'type=EXECVE {HEAD.format(2)}: argc=2 a0="true" a1="livefire-canary-{second:02x}"'


def check(*problems: str, ok: bool = True, **readings: Any) -> Check:
    return Check(time=at(0), ok=ok, problems=list(problems), readings=readings)


def auditd(*marks: Mark, **more: Any) -> SensorRecord:
    values = {"name": "auditd", "files": [layout.AUDIT_LOG], "before": check(), "after": check()}
    return SensorRecord(marks=list(marks), **values | more)


ATTACK = Execution(
    role="attack",
    executor="sh",
    command="id",
    pid=1,
    session=7,
    started=at(2),
    finished=at(8),
    exit_code=0,
    timed_out=False,
    output=Output(stdout_bytes=0, stderr_bytes=0),
)
ATOMIC = Detonation(atomic="T1/a", guid="", technique="T1", name="a", skipped=None, user=None, attack=ATTACK)
LOG = [canary(0), canary(10)]


@pytest.fixture
def around(tmp_path: Path, committed: Recording) -> Around:
    """The health of a sensor around an atomic, from its record and the lines of the audit log."""

    def ask(record: SensorRecord, lines: list[str] = LOG, atomic: Detonation = ATOMIC) -> SensorHealth:
        (tmp_path / "raw").mkdir(exist_ok=True)
        (tmp_path / layout.AUDIT_LOG).write_text("".join(f"{line}\n" for line in lines))
        manifest = committed.manifest.model_copy(update={"sensors": [record], "detonations": [atomic]})
        return Health.of(tmp_path, manifest).around(atomic, record.name)

    return ask


def test_a_sensor_is_well_where_both_canaries_came_through(around: Around) -> None:
    assert around(auditd(mark(0), mark(10))) == SensorHealth(sensor="auditd", ok=True)


def test_a_canary_may_be_of_the_very_moment(around: Around) -> None:
    assert around(auditd(mark(2), mark(8)), [canary(2), canary(8)]).ok


@pytest.mark.parametrize(
    ("marks", "problem"),
    [
        ([mark(10)], "no canary was emitted before the attack"),
        ([mark(0)], "no canary was emitted after the attack"),
        ([mark(3), mark(10)], "no canary was emitted before the attack"),
        ([mark(0), mark(7)], "no canary was emitted after the attack"),
        ([mark(1), mark(10)], "the canary before the attack did not come through"),
        ([mark(0), mark(9)], "the canary after the attack did not come through"),
        ([mark(0, seen=None), mark(10)], "the canary before the attack did not come through"),
        ([mark(0), mark(10, seen=None)], "the canary after the attack did not come through"),
        # of several marks, those that are nearest
        ([mark(0), mark(1), mark(10)], "the canary before the attack did not come through"),
        ([mark(0), mark(9), mark(10)], "the canary after the attack did not come through"),
    ],
)
def test_a_canary_that_is_missing(around: Around, marks: list[Mark], problem: str) -> None:
    assert around(auditd(*marks)) == SensorHealth(sensor="auditd", ok=False, problems=[f"auditd: {problem}"])


def test_two_canaries_in_one_line_have_nothing_between_them(around: Around) -> None:
    both = [canary(0).replace("argc=2", "argc=3") + ' a2="livefire-canary-0a"']
    said = "auditd: the canary after the attack is before the earlier one in raw/auditd.log"
    assert around(auditd(mark(0), mark(10)), both).problems == [said]


@pytest.mark.parametrize("between", [[], [REMOVED]])
def test_canaries_stand_in_the_order_in_which_they_were_emitted(around: Around, between: list[str]) -> None:
    found = around(auditd(mark(0), mark(10)), [canary(10), *between, canary(0)])
    assert found.problems == [
        "auditd: the canary after the attack is before the earlier one in raw/auditd.log",
    ]


def test_a_sensor_without_a_file_shows_no_canary(around: Around) -> None:
    when = [f"auditd: the canary {when} the attack did not come through" for when in ("before", "after")]
    assert around(auditd(mark(0), mark(10), files=[])).problems == when


def test_a_problem_is_told_once(around: Around) -> None:
    marks = [mark(0, problems=["x"]), mark(10, problems=["y", "x"])]
    assert around(auditd(*marks)).problems == ["auditd: x", "auditd: y"]


def test_an_atomic_bears_what_was_wrong_since_the_mark_before_it(around: Around) -> None:
    """The first atomic also bears what was wrong at the first mark of all."""
    marks = [mark(0, problems=["first"]), mark(1, problems=["before"]), mark(10, problems=["after"])]
    lines = [canary(0), canary(1), canary(10)]
    assert around(auditd(*marks), lines).problems == ["auditd: after"]
    assert around(auditd(*marks[1:]), lines).problems == ["auditd: before", "auditd: after"]


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        ([canary(0), REMOVED, canary(10)], [TOLD]),
        ([canary(0), "x", canary(10)], [DAMAGED.format(2)]),
        # what another atomic's canaries bracket is that one's
        ([canary(5), REMOVED, canary(0), canary(10), canary(11)], []),
        ([canary(0), canary(10), REMOVED, canary(11)], []),
        ([canary(5), "x", canary(0), canary(10), "y", canary(11)], []),
        # what no canary brackets may be anybody's
        ([canary(0), canary(10), REMOVED], [TOLD]),
        # where a canary did not come through, all that stands on its side counts
        ([REMOVED, canary(10)], ["auditd: the canary before the attack did not come through", TOLD]),
        ([canary(0), REMOVED, canary(9)], ["auditd: the canary after the attack did not come through", TOLD]),
    ],
)
def test_what_stands_between_the_canaries_counts(around: Around, lines: list[str], problems: list[str]) -> None:
    assert around(auditd(mark(0), mark(10)), lines).problems == problems


CALL = f"type=SYSCALL {HEAD.format(3)}: arch=c000003e syscall=59 success=yes pid=9 ses=7"
CHANGE = f'type=EXECVE {HEAD.format(3)}: argc=2 a0="auditctl" a1="-D"'


def test_a_command_is_blamed_for_what_is_wrong_and_for_nothing_else(around: Around) -> None:
    marks, executed = (mark(0), mark(10)), "auditd: T1/a executed: auditctl -D"
    assert around(auditd(*marks), [canary(0), CALL, CHANGE, canary(10)]).ok
    assert around(auditd(*marks), [canary(0), CALL, CHANGE, "x", canary(10)]).problems == [DAMAGED.format(4), executed]
    gone = "auditd: the canary after the attack did not come through"
    assert around(auditd(*marks), [canary(0), CALL, CHANGE]).problems == [gone, executed]


@pytest.mark.parametrize(("program", "used"), [("/usr/bin/podman", True), ("/usr/bin/id", False)])
def test_without_a_canary_in_a_container_what_runs_something_in_one_is_not_believed(
    around: Around, program: str, used: bool
) -> None:
    call = f'{CALL} ppid=1 comm="x" exe="{program}" key="livefire"'
    executed = f'type=EXECVE {HEAD.format(3)}: argc=1 a0="{program}"'
    found = around(auditd(mark(0, contained=""), mark(10, contained="")), [canary(0), call, executed, canary(10)])
    said = [f"auditd: no canary could be executed in a container {when} the attack" for when in ("before", "after")]
    assert found.problems == (said if used else [])


def test_a_canary_in_the_attack_s_own_session_must_be_there(around: Around) -> None:
    own = Canary(when="before", name="true", token="livefire-canary-aa", pid=9)
    atomic = ATOMIC.model_copy(update={"attack": ATTACK.model_copy(update={"canaries": [own]})})
    said = "auditd: true with a canary, before the attack and in its session, is not in the log"
    assert around(auditd(mark(0), mark(10)), atomic=atomic).problems == [said]


def test_of_what_was_not_run_only_the_start_is_asked(around: Around) -> None:
    atomic = ATOMIC.model_copy(update={"attack": None})
    assert around(auditd(before=check("deaf", ok=False)), atomic=atomic).problems == ["auditd, before: deaf"]


WELL = (mark(0), mark(10))
COUNTED = (mark(0, readings={"lost": 0}), mark(10, readings={"lost": 0}))


@pytest.mark.parametrize(
    ("marks", "before", "after", "problems"),
    [
        (WELL, check("deaf", ok=False), check("blind", ok=False), ["auditd, before: deaf", "auditd, after: blind"]),
        (WELL, check(ok=False), check(), ["auditd was not healthy"]),
        (WELL, check(), check(ok=False), ["auditd was not healthy"]),
        (WELL, check("deaf", ok=False), check(ok=False), ["auditd, before: deaf"]),
        (WELL, check(lost=2), check(lost=5), ["auditd: the kernel lost 3 records"]),
        (WELL, check(lost=2), check(lost=2), []),
        (WELL, check(lost=2), check(lost=1), []),
        (WELL, check(lost=2), check(), []),
        (WELL, check(), check(lost=2), []),
        (WELL, check(lost=2), check("3 records lost", ok=False, lost=5), ["auditd, after: 3 records lost"]),
        # where each mark was looked at, what was wrong in the end is told by the mark that it came after
        (COUNTED, check(lost=2), check("blind", ok=False, lost=5), []),
        (COUNTED, check("deaf", ok=False), check(), ["auditd, before: deaf"]),
        (COUNTED, check(ok=False), check(), ["auditd was not healthy"]),
    ],
)
def test_what_was_wrong_over_all(
    around: Around, marks: list[Mark], before: Check, after: Check, problems: list[str]
) -> None:
    assert around(auditd(*marks, before=before, after=after)).problems == problems


def asked_for(number: int, atomic: str) -> tuple[str, str]:
    """A container that was asked for and made, and gone before anybody could inspect it."""
    container = f"{number:02x}" * 32
    answer = {"sent": 1, "answered": 1, "method": "POST", "path": "/containers/create", "status": 201}
    event = {"event": {"Type": "container", "Action": "create", "Actor": {"ID": container}}, "inspect": None}
    return json.dumps(answer | {"atomic": atomic, "container_id": container}), json.dumps(event)


def test_of_containers_that_nobody_can_tell_of_three_are_named(around: Around, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    asked = [asked_for(number, atomic) for number, atomic in ((1, "T1/b"), *((each, "T1/a") for each in range(2, 6)))]
    for name, lines in zip((layout.DAEMON_REQUESTS, layout.DAEMON_EVENTS), zip(*asked, strict=True), strict=True):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    found = around(auditd(mark(0), mark(10), name="docker_daemon", files=[layout.AUDIT_LOG]))
    assert found.problems == [
        f"docker_daemon: container {container} ended before its configuration was read"
        for container in ("020202020202", "030303030303", "040404040404")
    ]
    assert around(auditd(mark(0), mark(10))).ok


def test_what_records_disagree_about_costs_the_atomic_between_whose_marks_it_is(committed: Recording) -> None:
    health, detonation = Health.of(committed.sealed, committed.manifest), committed.manifest.detonations[1]
    record = committed.manifest.sensor("docker_daemon")
    assert record
    assert detonation.attack
    before = max(mark.emitted for mark in record.marks if mark.emitted <= detonation.attack.started).timestamp()
    after = min(mark.emitted for mark in record.marks if mark.emitted >= detonation.attack.finished).timestamp()
    for at, told in ((before - 0.001, False), (before, True), (before + 0.1, True), (after, True), (after + 1, False)):
        changed = dataclasses.replace(health, _disagreements=[Disagreement(at, "one lacks it")])
        problems = changed.around(detonation, "docker_daemon").problems
        assert problems == (["docker_daemon: one lacks it"] if told else [])
        assert changed.around(detonation, "auditd").problems == []


@pytest.mark.parametrize("at", [0.0, 0.5, 1e12])
def test_without_marks_around_it_any_disagreement_counts(committed: Recording, at: float) -> None:
    sensors = [
        each.model_copy(update={"marks": []}) if each.name == "docker_daemon" else each
        for each in committed.manifest.sensors
    ]
    manifest = committed.manifest.model_copy(update={"sensors": sensors})
    health = dataclasses.replace(
        Health.of(committed.sealed, committed.manifest),
        manifest=manifest,
        _disagreements=[Disagreement(at, "one lacks it")],
    )
    assert "docker_daemon: one lacks it" in health.around(manifest.detonations[0], "docker_daemon").problems
