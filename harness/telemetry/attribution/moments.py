"""What audit records show of a process: its program, its activity, its birth, its change of session."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.recording.audit_records import BIRTHS, as_written
from harness.telemetry.readers.audit_log import AuditEvent, number, system_call

UNSET = 0xFFFFFFFF
NOBODY = -1  # where the record has no pid
_BIRTHS = as_written(BIRTHS)


@dataclass(frozen=True)
class Image:
    """A program that a process was running. `started` is a time as in tables; empty where it is unknown."""

    pid: int
    parent: int
    path: str
    name: str
    command_line: str
    started: str
    account: str
    session: int


@dataclass(frozen=True)
class Moment:
    """A process at one time, from an audit record. `time` is in milliseconds, `line` the line of the log."""

    time: int
    line: int
    pid: int
    parent: int
    session: int

    @classmethod
    def of(cls, event: AuditEvent) -> Moment:
        """From the SYSCALL record of an event; a missing pid is NOBODY."""
        record = event.first("SYSCALL")
        fields = record.fields if record else {}
        pid, parent, session = (number(fields.get(name)) for name in ("pid", "ppid", "ses"))
        line = event.records[0].line
        return cls(event.time, line, _or(pid, NOBODY), _or(parent, NOBODY), _or(session, UNSET))


@dataclass(frozen=True)
class Birth:
    """`by` made a child with the pid `child`, as numbered in the pid namespace of `by`."""

    by: Moment
    child: int


@dataclass(frozen=True)
class Login:
    """`by` got the audit session `session`; `by.session` is its earlier one."""

    by: Moment
    session: int


def login_of(event: AuditEvent) -> Login | None:
    """The change of session in an event; None for any other event, and where it was refused.

    Source: LOGIN records (kernel, audit_log_set_loginuid).
    """
    record = event.first("LOGIN")
    fields = record.fields if record and record.fields.get("res") == "1" else {}
    old, new = number(fields.get("old-ses")), number(fields.get("ses"))
    return None if old is None or new is None else Login(replace(Moment.of(event), session=old), new)


def birth_of(event: AuditEvent) -> Birth | None:
    """The birth in an event; None for any other event."""
    record = event.first("SYSCALL")
    fields = record.fields if record else {}
    child = number(fields.get("exit"))
    if system_call(fields) not in _BIRTHS or not child:
        return None
    return Birth(Moment.of(event), child) if fields.get("success") == "yes" else None


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
