"""Reads audit.log: records in, one event for each (time, serial) out.

Format: audit-userspace, specs/README-audit-log-format and lib/audit_logging.c. Records of one event share
`msg=audit(SECONDS.MILLIS:SERIAL)`, interleave with those of other events, and no end marker is written.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from harness.recording.audit_records import EXECS, as_written

# Numbers are bounded so that they fit their columns. A longer one is damage.
_HEAD = re.compile(
    r"^(?:node=\S+ )?type=(\S+) msg=audit\(([0-9]{1,10})\.([0-9]{3}):([0-9]{1,18})\):\s?(.*)$", re.DOTALL
)
_NUMBER = re.compile(r"[0-9]{1,18}")
_FIELD = re.compile(r"([A-Za-z_][\w\[\]-]*)=(\"[^\"]*\"|'[^']*'|\S*)")
_ARGUMENT = re.compile(r"^a([0-9]{1,7})(?:\[([0-9]{1,7})\])?$")
_HEX = re.compile(r"^(?:[0-9A-Fa-f]{2})+$")
# How many lines may lie between two records of one event. After that many, the event is complete.
_WINDOW = 5000
_EXECVE = as_written(EXECS)


@dataclass(frozen=True)
class Record:
    """One line. `fields` are its values as written (quotes kept); `line` counts from 1."""

    type: str
    line: int
    text: str
    body: str = dataclasses.field(repr=False)

    @functools.cached_property
    def fields(self) -> dict[str, str]:
        """The fields, parsed on first use, since most records are never used."""
        # ENRICHED: raw fields come first, then a group separator (sometimes without a blank) and interpreted copies
        fields: dict[str, str] = {}
        for name, value in _FIELD.findall(self.body.partition("\x1d")[0]):
            fields.setdefault(name, value)
        return fields


@dataclass
class AuditEvent:
    """All records of one event. `time` is in milliseconds since the epoch."""

    time: int
    serial: int
    records: list[Record] = field(default_factory=list)

    def first(self, kind: str) -> Record | None:
        """The first record of a type."""
        return next((record for record in self.records if record.type == kind), None)

    @property
    def is_exec(self) -> bool:
        """Whether it is a successful execve or execveat."""
        call = self.first("SYSCALL")
        if call is None or self.first("EXECVE") is None:
            return False
        return system_call(call.fields) in _EXECVE and call.fields.get("success") == "yes"

    def arguments(self) -> tuple[list[str | None], int]:
        """As `arguments_of`, for its records."""
        return arguments_of(self.records)


def arguments_of(records: Iterable[Record]) -> tuple[list[str | None], int]:
    """The argument vector from the EXECVE records of one event, and `argc` as the kernel counted it.

    A missing argument is None.
    """
    parts: dict[int, dict[int, str]] = {}
    argc = 0
    for record in records:
        if record.type != "EXECVE":
            continue
        argc = number(record.fields.get("argc")) or argc
        for name, value in record.fields.items():
            if match := _ARGUMENT.match(name):
                parts.setdefault(int(match[1]), {})[int(match[2] or 0)] = value
    count = min(max([argc, *(place + 1 for place in parts)]), 1 << 16)
    return [_join(parts.get(place)) for place in range(count)], argc


def _join(pieces: dict[int, str] | None) -> str | None:
    """Join the pieces of an argument over 7500 bytes: a0[0], a0[1], …, each in quotes or in hex."""
    if not pieces or sorted(pieces) != list(range(len(pieces))):
        return None
    return b"".join(decode_bytes(pieces[place]) for place in range(len(pieces))).decode(errors="replace")


def number(text: str | None) -> int | None:
    """A decimal number that fits a long; None for anything else."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def decode_bytes(value: str) -> bytes:
    """Decode a field: literal in quotes, else hex, else unchanged; `(null)` is empty."""
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1].encode(errors="surrogateescape")
    if _HEX.match(value):
        return bytes.fromhex(value)
    return b"" if value == "(null)" else value.encode(errors="surrogateescape")


def decode(value: str) -> str:
    """As `decode_bytes`, as text; bytes that are not UTF-8 become U+FFFD."""
    return decode_bytes(value).decode(errors="replace")


def parse_line(text: str, line: int) -> tuple[int, int, Record] | None:
    """(milliseconds, serial, record) of one line; None for what is no audit record."""
    match = _HEAD.match(text)
    if not match:
        return None
    kind, seconds, millis, serial, body = match.groups()
    return int(seconds) * 1000 + int(millis), int(serial), Record(kind, line, text, body)


def read_events(lines: Iterable[str]) -> Iterator[AuditEvent]:
    """The events of a log, in the order of their first records. Other lines are skipped."""
    pending: dict[tuple[int, int], tuple[AuditEvent, int]] = {}
    for place, text in enumerate(lines, 1):
        parsed = parse_line(text.rstrip("\n"), place)
        if parsed is None:
            continue
        time, serial, record = parsed
        event = pending[time, serial][0] if (time, serial) in pending else AuditEvent(time, serial)
        event.records.append(record)
        pending[time, serial] = (event, place)
        while pending:
            oldest = next(iter(pending))
            if pending[oldest][1] >= place - _WINDOW:
                break
            yield pending.pop(oldest)[0]
    for event, _ in pending.values():
        yield event


def system_call(fields: Mapping[str, str]) -> tuple[str, str]:
    """The architecture and the number of the call in a SYSCALL record; empty where missing."""
    return fields.get("arch", "").lower(), fields.get("syscall", "")


def damaged_lines(lines: Iterable[str]) -> list[int]:
    """The numbers of the lines that are no audit records."""
    return [place for place, text in enumerate(lines, 1) if text.strip() and not _HEAD.match(text.rstrip("\n"))]
