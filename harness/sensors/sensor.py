"""What every sensor can do: start, mark, drain, and tell its health."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from harness.model.manifest import Check, Mark, SensorRecord
from harness.recording import RecordingWriter, canary_names, layout
from harness.sensors.log_follower import LogFollower, Redaction

MARK_TIMEOUT = 5.0
_IMPATIENT = 1.0
Readings = dict[str, str | int | bool | None]


class Sensor(Protocol):
    """A source of telemetry. After `start`, what it sees flows into the recording until `drain`."""

    name: str

    def start(self) -> None:
        """Begin. Raises LabUnavailable when the sensor cannot be had."""

    def mark(self, label: str) -> Mark:
        """Emit a canary event and wait until it has come through: all that happened before it then has, too."""

    def drain(self) -> SensorRecord:
        """End, and tell how it went. Never raises: an unhealthy sensor is a result."""


class Arrivals:
    """`raw/arrivals.jsonl`: up to which byte each file could be read, and when. Safe to call from several threads."""

    def __init__(self, recording: RecordingWriter) -> None:
        self._recording = recording
        self._lock = threading.Lock()

    def note(self, file: str, offset: int, time: float) -> None:
        """`offset` in bytes from the start of the file in the recording, `time` in seconds since the epoch."""
        line = json.dumps({"file": file, "offset": offset, "time": time})
        with self._lock, self._recording.file(layout.ARRIVALS).open("a", encoding="ascii") as out:
            out.write(line + "\n")

    def file(self, name: str) -> Path:
        """Where a file of the recording lies."""
        return self._recording.file(name)

    def follow(self, source: Path, file: str, *, redact: Redaction | None = None) -> LogFollower:
        """A follower of `source` that writes to `file` of the recording."""
        target, arrived = self._recording.file(file), lambda offset, at: self.note(file, offset, at)
        return LogFollower(source, target, arrived, redact=redact)


class Patience:
    """How long a canary is waited for: not for long where the one before it did not come, or a dead sensor would take
    five seconds of each atomic.
    """

    def __init__(self) -> None:
        self.timeout = MARK_TIMEOUT

    def lose(self) -> None:
        """The canary could not be sent at all."""
        self.timeout = _IMPATIENT

    def wait(self, seen: Callable[[float], float | None]) -> float | None:
        """What `seen` returns, which is given how many seconds it may take."""
        found = seen(self.timeout)
        self.timeout = MARK_TIMEOUT if found is not None else _IMPATIENT
        return found


def canary_token() -> str:
    """A word that nothing else contains. Lower case, so that it can be a tag, a name and an argument."""
    return f"{canary_names.TOKEN_PREFIX}{secrets.token_hex(8)}"


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


def make_mark(
    label: str, token: str, emitted: datetime, seen: float | None, readings: Readings, problems: list[str]
) -> Mark:
    """A mark from what `LogFollower.seen` returned, the sensor's readings now, and what was wrong since the last."""
    arrived = None if seen is None else datetime.fromtimestamp(seen, UTC)
    return Mark(label=label, token=token, emitted=emitted, seen=arrived, readings=readings, problems=problems)


def make_check(readings: Readings, problems: list[str]) -> Check:
    """A check that is ok when there are no problems."""
    return Check(time=now(), ok=not problems, readings=readings, problems=problems)
