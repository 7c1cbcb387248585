"""Reading the lines of a ledger, which may hold anything."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.recording.json_lines import seconds

CUT_OFF = b'{"cut_off": true}'  # a crash cut off the line before this one, so its thing was not made
_LONGEST = 200


@dataclass(frozen=True)
class Entry:
    """A thing that was made, or was about to be. Numbers are ids of an earlier version."""

    id: str | int
    kind: str
    what: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Reading:
    """What a ledger says: the open entries, the newest first, and `doubts` about lines that can't be read.

    `started` is the time of its first entry, in seconds since the epoch; 0 where there is none. `blank`: there is no
    ledger, or nothing in it.
    """

    entries: tuple[Entry, ...] = ()
    doubts: tuple[str, ...] = ()
    started: float = 0.0
    blank: bool = False


def brief(what: dict[str, Any]) -> str:
    """The values of a thing in one line, fit for a terminal."""
    text = ", ".join(str(value) for value in what.values())
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def read_owned(path: Path) -> bytes:
    """The content of a plain file of our own that only we may write. Raises OSError for any other."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o022:
            raise PermissionError(errno.EPERM, "not a file that only we may write")
        return file.read()


def parse(data: bytes, name: str) -> Reading:
    """Read all lines. One that a crash has cut off is no doubt: its thing was not made, or will be undone again."""
    lines = data.split(b"\n")
    entries: list[Entry] = []
    undone: Counter[str | int] = Counter()
    doubts, started = [], 0.0
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line == CUT_OFF:
            continue
        match _line(line):
            case Entry() as entry, float(when):
                entries.append(entry)
                started = started or when
            case str() | int() as mark:
                undone[mark] += 1
            case None if lines[number : number + 1] not in ([], [CUT_OFF]):
                doubts.append(f"{name}:{number} can't be read, so what it names can't be undone")
    times = Counter(entry.id for entry in entries)  # where two have one id, a single mark does not say which
    left = tuple(entry for entry in reversed(entries) if undone[entry.id] < times[entry.id])
    return Reading(left, tuple(doubts), started, blank=not entries and not doubts)


def _line(line: bytes) -> tuple[Entry, float] | str | int | None:
    """An entry and its time, or the id of one that was undone; None for anything else."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match record:
        case {"undone": str() | int() as mark, **further} if not further and not isinstance(mark, bool):
            return mark
        case {"id": str() | int() as number, "kind": str() as kind, "what": dict() as what}:
            return Entry(number, kind, what), _time(record.get("time"))
    return None


def _time(value: object) -> float:
    """Seconds since the epoch; 0 for what is no time: then the next entry gives the start."""
    try:
        return seconds(value)
    except ValueError:
        return 0.0
