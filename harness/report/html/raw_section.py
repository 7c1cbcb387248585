"""The raw records that a page cites: each once, with all lines of its event, and links to where it is cited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import LivefireError
from harness.model.atomic_result import AtomicResult
from harness.model.observed import Evidence
from harness.model.result import Result
from harness.recording import Recording, layout, open_recording
from harness.report.html.subject import Subject
from harness.telemetry.readers.audit_log import AuditEvent, parse_line

LINE_BYTES = 8 * 1024  # shown of one line; the longest in our recordings has 6 kB
EVENT_LINES = 40

_PLACE = re.compile(r"(raw/[\w.-]+):([1-9][0-9]{0,17})")
_ENCODED = re.compile(r"a([0-9]{1,7})(?:\[[0-9]{1,7}\])?")


@dataclass(frozen=True)
class Line:
    """A line of a raw file; bytes that are no UTF-8 are escaped. `cut` counts the bytes left out at its end."""

    number: int
    text: str
    cut: int = 0


@dataclass
class RawRecord:
    """The record at a cited place. `decoded` are the arguments that the kernel wrote in hex, as (name, text).

    `more` counts the lines of the event that are left out; `cited_by` are the anchors from which it is cited.
    """

    place: str
    anchor: str
    lines: list[Line]
    more: int = 0
    decoded: list[tuple[str, str]] = field(default_factory=list)
    cited_by: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RawRecords:
    """The records by place; `missing` says why there are none. `seal` is the SHA-256 of the recording's manifest."""

    records: dict[str, RawRecord] = field(default_factory=dict)
    missing: str = ""
    seal: str = ""

    def anchor(self, place: str) -> str:
        """The anchor of this place in the page; empty where it is not shown."""
        return self.records[place].anchor if place in self.records else ""

    @property
    def files(self) -> dict[str, list[RawRecord]]:
        """The records by file, in the order of its lines."""
        by_file: dict[str, list[RawRecord]] = {}
        for record in sorted(self.records.values(), key=lambda record: _split(record.place)):
            by_file.setdefault(_split(record.place)[0], []).append(record)
        return by_file


def raw_records(result: Result, subjects: Iterable[Subject], prefix: str, folder: Path | None) -> RawRecords:
    """The records that a result cites, from its recording in `folder` (default: the path in the result).

    None where that recording is damaged, or of another run.
    """
    path = folder or Path(result.recording)
    try:
        recording = open_recording(path)
        seal = layout.read(path, layout.SEAL).decode("ascii").strip()
    except (LivefireError, OSError):
        return RawRecords(missing=f"there is no intact recording at {path}")
    if recording.manifest.run_id != result.run_id:
        return RawRecords(missing=f"the recording at {path} is of {recording.manifest.run_id}, another run")
    citing = _citing(result, subjects, prefix)
    records: dict[str, RawRecord] = {}
    for name, places in _by_file(citing).items():
        if name not in recording.manifest.files:
            continue
        for record in _read(recording, name, places):
            record.anchor = f"{prefix}-{record.anchor}"
            record.cited_by = citing[record.place]
            records[record.place] = record
    return RawRecords(records, seal=seal)


def cited(result: AtomicResult) -> Iterator[Evidence]:
    """All evidence of a result."""
    for signal in [*result.executed.oracle, *result.signals]:
        yield from signal.evidence
    for alert in result.alerts:
        yield from alert.evidence
    if result.near_miss and result.near_miss.evidence:
        yield result.near_miss.evidence


def _citing(result: Result, subjects: Iterable[Subject], prefix: str) -> dict[str, dict[str, str]]:
    """For each place the anchors that cite it, with their names."""
    citing: dict[str, dict[str, str]] = {}
    for subject in subjects:
        for row in subject.rows:
            for evidence in cited(row.result):
                citing.setdefault(evidence.record, {})[subject.anchor] = subject.short
    for name, slice_ in (("background", result.background), ("ambiguous", result.ambiguous)):
        for alert in (alert for alerts in slice_.alerts.values() for alert in alerts):
            for evidence in alert.evidence:
                citing.setdefault(evidence.record, {})[f"{prefix}-{name}"] = name
    return citing


def _by_file(places: Iterable[str]) -> dict[str, set[int]]:
    lines: dict[str, set[int]] = {}
    for place in places:
        if match := _PLACE.fullmatch(place):
            lines.setdefault(match[1], set()).add(int(match[2]))
    return lines


def _split(place: str) -> tuple[str, int]:
    name, _, line = place.rpartition(":")
    return name, int(line)


def _read(recording: Recording, name: str, places: set[int]) -> Iterator[RawRecord]:
    lines = recording.read(name).splitlines()  # as the tables count them
    events = _events(lines, places) if name == layout.AUDIT_LOG else {}
    for place in sorted(places):
        if place > len(lines):
            continue
        record = RawRecord(f"{name}:{place}", f"at-{Path(name).name}-{place}", [])
        event = events.get(place)
        numbers = [entry.line for entry in event.records] if event else [place]
        record.lines = [_line(number, lines[number - 1]) for number in numbers[:EVENT_LINES]]
        record.more = max(0, len(numbers) - EVENT_LINES)
        record.decoded = _decoded(event) if event else []
        yield record


def _events(lines: list[bytes], places: set[int]) -> dict[int, AuditEvent]:
    """The audit events of these lines, each with all of its lines: events may be interleaved."""
    by_key: dict[tuple[int, int], AuditEvent] = {}
    by_line: dict[int, AuditEvent] = {}
    for place in places:
        if place <= len(lines) and (parsed := parse_line(lines[place - 1].decode(errors="replace"), place)):
            by_line[place] = by_key.setdefault(parsed[:2], AuditEvent(*parsed[:2]))
    for number, line in enumerate(lines, 1):
        parsed = parse_line(line.decode(errors="replace"), number)
        if parsed and parsed[:2] in by_key:
            by_key[parsed[:2]].records.append(parsed[2])
    return by_line


def _decoded(event: AuditEvent) -> list[tuple[str, str]]:
    """The arguments that are in hex, as the kernel writes arguments with spaces, quotes and the like."""
    encoded = {
        int(match[1])
        for record in event.records
        if record.type == "EXECVE"
        for name, value in record.fields.items()
        if (match := _ENCODED.fullmatch(name)) and not value.startswith('"')
    }
    arguments, _ = event.arguments()
    return [
        (f"a{place}", text[:LINE_BYTES])
        for place, text in enumerate(arguments)
        if place in encoded and text is not None
    ]


def _line(number: int, line: bytes) -> Line:
    end = min(LINE_BYTES, len(line))
    while 0 < end < len(line) and line[end] & 0xC0 == 0x80:  # within a character of UTF-8
        end -= 1
    return Line(number, line[:end].decode("utf-8", "backslashreplace"), len(line) - end)
