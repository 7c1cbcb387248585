"""What every sensor does: start, mark, drain, and report its health."""

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
        """Begin. Raises LabUnavailable when the sensor can't be started."""

    def mark(self, label: str) -> Mark:
        """Emit a canary event and wait until it is recorded: then all that happened before it is recorded, too."""

    def drain(self) -> SensorRecord:
        """End, and report the sensor's health. Never raises: an unhealthy sensor is a result."""


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
        """The path of a file of the recording."""
        return self._recording.file(name)

    def follow(self, source: Path, file: str, *, redact: Redaction | None = None) -> LogFollower:
        """A follower of `source` that writes to `file` of the recording."""
        target, arrived = self._recording.file(file), lambda offset, at: self.note(file, offset, at)
        return LogFollower(source, target, arrived, redact=redact)


class Patience:
    """How long a canary is waited for: shorter after one that did not arrive.

    Else a dead sensor would delay each atomic by five seconds.
    """

    def __init__(self) -> None:
        self.timeout = MARK_TIMEOUT

    def lose(self) -> None:
        """Wait shorter next time: the canary could not be sent."""
        self.timeout = _IMPATIENT

    def wait(self, seen: Callable[[float], float | None]) -> float | None:
        """What `seen` returns. It gets the seconds that it may take."""
        time = seen(self.timeout)
        self.timeout = MARK_TIMEOUT if time is not None else _IMPATIENT
        return time


def canary_token() -> str:
    """A random word in lower case, so that it can be a tag, a name and an argument."""
    return f"{canary_names.TOKEN_PREFIX}{secrets.token_hex(8)}"


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


def make_mark(
    label: str, token: str, emitted: datetime, seen: float | None, readings: Readings, problems: list[str]
) -> Mark:
    """A mark from the canary's time (`LogFollower.seen`), its readings, and the problems since the last mark."""
    arrived = None if seen is None else datetime.fromtimestamp(seen, UTC)
    return Mark(label=label, token=token, emitted=emitted, seen=arrived, readings=readings, problems=problems)


def make_check(readings: Readings, problems: list[str]) -> Check:
    """A check that is ok when there are no problems."""
    return Check(time=now(), ok=not problems, readings=readings, problems=problems)
