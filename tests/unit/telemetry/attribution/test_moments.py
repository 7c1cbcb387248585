"""What an audit record tells of a process at work, and of a birth."""

from __future__ import annotations

import pytest

from harness.telemetry.attribution.moments import NOBODY, UNSET, Birth, Moment, birth_of
from harness.telemetry.readers.audit_log import AuditEvent, read_events

HEAD = "msg=audit(1.500:1):"
ME = Moment(1500, 1, 7, 6, 5)


def event(*lines: str) -> AuditEvent:
    (found,) = read_events(lines)
    return found


@pytest.mark.parametrize(
    ("lines", "moment"),
    [
        ([f"type=SYSCALL {HEAD} ppid=6 pid=7 ses=5"], ME),
        ([f"type=LOGIN {HEAD} pid=8 ses=9", f"type=SYSCALL {HEAD} ppid=6 pid=7 ses=5"], ME),
        ([f"type=SYSCALL {HEAD} ppid=0 pid=0 ses=0"], Moment(1500, 1, 0, 0, 0)),
        ([f"type=SYSCALL {HEAD} ppid=x ses={UNSET}"], Moment(1500, 1, NOBODY, NOBODY, UNSET)),
        ([f"type=LOGIN {HEAD} pid=8 ses=9"], Moment(1500, 1, NOBODY, NOBODY, UNSET)),
    ],
)
def test_a_process_at_work(lines: list[str], moment: Moment) -> None:
    assert Moment.of(event(*lines)) == moment


CLONE = "arch=c000003e syscall=56"


@pytest.mark.parametrize(
    "call",
    [
        CLONE,
        "arch=C000003E syscall=57",
        "arch=c000003e syscall=58",
        "arch=40000003 syscall=120",
        "arch=c00000b7 syscall=435",
    ],
)
def test_a_birth(call: str) -> None:
    text = f"type=SYSCALL {HEAD} {call} success=yes exit=12 ppid=6 pid=7 ses=5"
    assert birth_of(event(text)) == Birth(ME, 12)


@pytest.mark.parametrize(
    "text",
    [
        f"{CLONE} success=no exit=-11",
        f"{CLONE} success=yes exit=0",  # what the child is answered
        f"{CLONE} success=yes exit=x",
        f"{CLONE} success=yes",
        f"{CLONE} exit=12",
        f"{CLONE} success=no exit=12",
        "arch=c000003e syscall=59 success=yes exit=12",
        "arch=40000003 syscall=56 success=yes exit=12",
        "arch=c000003e success=yes exit=12",
        "syscall=56 success=yes exit=12",
        "success=yes exit=12",
    ],
)
def test_what_made_no_child_is_no_birth(text: str) -> None:
    assert birth_of(event(f"type=SYSCALL {HEAD} {text} ppid=6 pid=7 ses=5")) is None


def test_what_tells_of_no_call_is_no_birth() -> None:
    assert birth_of(event(f"type=LOGIN {HEAD} {CLONE} success=yes exit=12 pid=7")) is None
