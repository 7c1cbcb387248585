"""Changes and losses of the audit itself, and the canaries of an attack's own session, from the audit log."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from harness.model.manifest import Canary, Detonation, Manifest
from harness.recording import canary_names
from harness.telemetry.readers.audit_log import Record, arguments_of, number, parse_line

_HEAD = re.compile(rb"(?m)^(?:node=\S+ )?type=(\S+) msg=audit\(([0-9]{1,10}\.[0-9]{3}):([0-9]{1,18})\)")
# Records of auditd's end (audit-userspace, lib/msg_typetab.h).
_ENDS = ("DAEMON_END", "DAEMON_ABORT")
_LONGEST_GAP = 1 << 20  # a serial further away is from another boot or from auditd itself
_SHOWN = 3  # texts of one kind
_NEAR = 199  # how many lines before an EXECVE record its SYSCALL record is looked for

Arguments = list[str | None]  # None where one is lost


@dataclass(frozen=True)
class AuditTrail:
    """Changes and losses, and the commands of attacks that would change something, each as (line, text).

    `canaries` are the executed ones by token: pid, session, arguments. `sessions` are the attacks' sessions, and
    `logins` the sessions that the kernel gave, by pid.
    """

    changes: list[tuple[int, str]]
    commands: list[tuple[int, str]]
    canaries: dict[str, tuple[int | None, int | None, Arguments]]
    sessions: frozenset[int] = frozenset()
    logins: dict[int, set[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, log: bytes, manifest: Manifest) -> AuditTrail:
        """Read a log once. Only relevant records are parsed."""
        sessions = {
            d.attack.session: d.atomic for d in manifest.detonations if d.attack and d.attack.session is not None
        }
        lines = log.split(b"\n")
        changes = list(_changes(lines, sessions))
        record = manifest.sensor("auditd")
        if record and any(mark.readings for mark in record.marks):  # older recordings have no counts
            changes += _gaps(log)
        return cls(
            sorted(changes), list(_commands(lines, sessions)), _canaries(lines), frozenset(sessions), _logins(lines)
        )

    def between(self, first: int, last: int, end: int) -> list[str]:
        """The first three changes between two lines, or after `end`, where no canary follows."""
        return [text for line, text in self.changes if first < line < last or line > end][:_SHOWN]

    def to_blame(self, first: int, last: int) -> list[str]:
        """The first three commands between two lines that may have caused problems there."""
        return [text for line, text in self.commands if first < line < last][:_SHOWN]

    def canaries_missing(self, detonation: Detonation) -> list[str]:
        """The canaries around an attack's shell that are not in the log as they were executed."""
        attack = detonation.attack
        if attack is None:
            return []
        missing = [canary for canary in attack.canaries if not self._came(canary, attack.session)]
        return [
            f"{canary.name} with a canary, {canary.when} the attack and in its session, is not in the log"
            for canary in missing
        ]

    def other_session(self, detonation: Detonation) -> list[str]:
        """A problem if the kernel gave the attack's shell another audit session than the manifest says."""
        attack = detonation.attack
        if attack is None or attack.session is None:
            return []
        if attack.session in self.logins.get(attack.pid, {attack.session}):  # also where the log has no login
            return []
        return [f"the attack's shell (pid {attack.pid}) was not in session {attack.session}, as the manifest says"]

    def contained(self, token: str) -> bool:
        """Whether the log has a mark's canary in a container, outside the sessions of attacks."""
        pid, seen_in, arguments = self.canaries.get(token, (None, None, []))
        return pid is not None and seen_in not in self.sessions and arguments == ["/bin/true", token]

    def _came(self, canary: Canary, session: int | None) -> bool:
        pid, seen_in, arguments = self.canaries.get(canary.token, (None, None, []))
        same = session is None or seen_in == session
        called = pid is not None and _program(arguments) == canary.name and arguments[1:] == [canary.token]
        return called and pid == canary.pid and same


def _logins(lines: list[bytes]) -> dict[int, set[int]]:
    logins: dict[int, set[int]] = defaultdict(set)
    for _, record in _records(lines, ("LOGIN",)):
        pid, session = _whence(record)
        if pid is not None and session is not None:
            logins[pid].add(session)
    return logins


def _changes(lines: list[bytes], sessions: dict[int, str]) -> Iterator[tuple[int, str]]:
    for serial, record in _records(lines, ("CONFIG_CHANGE", *_ENDS)):
        if record.type in _ENDS:
            yield record.line, "the daemon ended during the capture"
        else:
            whose = _whose(record, sessions)
            yield record.line, f"{_what(record)} during the capture (serial {serial}){f', by {whose}' if whose else ''}"


def _commands(lines: list[bytes], sessions: dict[int, str]) -> Iterator[tuple[int, str]]:
    """The executions of auditctl in attacks that would change something, successful or not."""
    for line, call, arguments in _execs(lines, b"auditctl"):
        whose = _whose(call, sessions)
        if whose and _program(arguments) == "auditctl" and _is_change(arguments):
            yield line, f"{whose} executed: {' '.join(argument or '' for argument in arguments)}"


def _is_change(arguments: Arguments) -> bool:
    return any(argument not in ("-l", "-s", "-v", "-h", "-i") for argument in arguments[1:])


def _program(arguments: Arguments) -> str:
    return str(next(iter(arguments), None)).rpartition("/")[2]


def _whence(record: Record | None) -> tuple[int | None, int | None]:
    """Process and audit session."""
    fields = record.fields if record else {}
    return number(fields.get("pid")), number(fields.get("ses"))


def _whose(record: Record | None, sessions: dict[int, str]) -> str | None:
    """The atomic that has the session of a record."""
    _, session = _whence(record)
    return next((atomic for known, atomic in sessions.items() if known == session), None)


def _what(record: Record) -> str:
    operation, fields = record.fields.get("op"), record.fields
    if operation in ("add_rule", "remove_rule"):
        return "a rule was removed" if operation == "remove_rule" else "a rule was added"
    if fields.get("audit_enabled") == "0":
        return "the kernel's audit was switched off"
    if "lost" in fields:
        return f"the count of lost records was set back from {fields.get('old', '?')}"
    changed = [f"{name}={value}" for name, value in fields.items() if name.startswith("audit_") or name == "op"]
    return f"the audit was changed ({', '.join(changed)})"


def _gaps(log: bytes) -> Iterator[tuple[int, str]]:
    """Missing serials. The kernel gives one to each event, so these events did not arrive."""
    seen: list[tuple[int, int]] = []  # serial, line
    line, position = 1, 0
    for match in _HEAD.finditer(log):
        line, position = line + log.count(b"\n", position, match.start()), match.start()
        if not match[1].startswith(b"DAEMON_"):  # auditd numbers its own
            seen.append((int(match[3]), line))
    first_line: dict[int, int] = {}
    for serial, at in seen:
        first_line.setdefault(serial, at)
    ordered = sorted(first_line)
    for before, after in pairwise(ordered):
        if 1 < after - before < _LONGEST_GAP:
            yield first_line[after], f"{after - before - 1} events are missing before serial {after}"


def _canaries(lines: list[bytes]) -> dict[str, tuple[int | None, int | None, Arguments]]:
    canaries: dict[str, tuple[int | None, int | None, Arguments]] = {}
    for _, call, arguments in _execs(lines, canary_names.TOKEN_PREFIX.encode()):
        if len(arguments) == 2 and arguments[1]:
            canaries[arguments[1]] = (*_whence(call), arguments)
    return canaries


def _execs(lines: list[bytes], word: bytes) -> Iterator[tuple[int, Record | None, Arguments]]:
    """The execs with a word in their EXECVE record: its line, the SYSCALL record shortly before, the arguments."""
    for serial, record in _records(lines, ("EXECVE",), word):
        before = lines[max(0, record.line - 1 - _NEAR) : record.line - 1]
        call = next((syscall for of, syscall in _records(reversed(before), ("SYSCALL",)) if of == serial), None)
        yield record.line, call, arguments_of([record])[0]


def _records(lines: Iterable[bytes], kinds: tuple[str, ...], word: bytes = b"") -> Iterator[tuple[int, Record]]:
    """The records of some types that contain a word, each with its serial."""
    heads = [f"type={kind} ".encode() for kind in kinds]
    for place, line in enumerate(lines, 1):
        if word in line and any(head in line for head in heads):
            parsed = parse_line(line.decode(errors="replace"), place)
            if parsed and parsed[2].type in kinds:
                yield parsed[1], parsed[2]
