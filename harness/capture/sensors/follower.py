"""Following a log while it is written, so that a rotation in mid-run loses nothing."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import BinaryIO

ArrivalSink = Callable[[int, float], None]
Redaction = Callable[[bytes], bytes]
_INTERVAL = 0.004
_LONGEST_LINE = 1 << 20


class LogFollower:
    """Copies what is appended to `source` into `target` and tells `arrived(offset, time)` for each piece.

    With `redact`, each line goes through it, and is copied once it is whole.
    `problems` says what may have been lost: a log that was truncated or vanished, or one that cannot be read.
    """

    def __init__(
        self,
        source: Path,
        target: Path,
        arrived: ArrivalSink,
        *,
        redact: Redaction | None = None,
    ) -> None:
        self.source = source
        self.target = target
        self.problems: list[str] = []
        self.copied = 0
        self._taken = 0
        self._arrived = arrived
        self._redact = redact
        self._begun = b""  # of a line whose end has not come yet
        self._stop = threading.Event()
        self._reader: BinaryIO | None = None
        self._thread = threading.Thread(target=self._run, name=f"follow {source.name}", daemon=True)

    def start(self) -> None:
        """Begin at the end of the log. Raises OSError when it can't be read.

        A line that is being written just then is copied whole: its beginning may have reached the file already.
        """
        self._reader = self.source.open("rb")
        end = self._reader.seek(0, os.SEEK_END)
        begin = self._reader.seek(max(0, end - _LONGEST_LINE))
        self._reader.seek(begin + self._reader.read(end - begin).rfind(b"\n") + 1)
        self.target.touch(mode=0o600)
        self._thread.start()

    def seen(self, token: str, timeout: float) -> float | None:
        """Wait until `token` has been copied; returns when that was (seconds since the epoch), or None."""
        deadline = time.monotonic() + timeout
        needle = token.encode()
        while True:
            alive = self._thread.is_alive()
            if needle in self.target.read_bytes():  # small: a capture takes seconds
                return time.time()
            if time.monotonic() >= deadline or not alive:
                return None
            time.sleep(_INTERVAL)

    def take_problems(self) -> list[str]:
        """The problems since the last time, and that nobody follows any more."""
        fresh, self._taken = self.problems[self._taken :], len(self.problems)
        ended = not self._stop.is_set() and not self._thread.is_alive()
        return [*fresh, f"{self.source.name} is followed no more"] if ended else fresh

    def stop(self) -> None:
        """Copy what is still to come and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._reader:
            self._reader.close()

    def _run(self) -> None:
        try:
            self._follow()
        except OSError as error:
            self._problem(f"{self.target.name} cannot be written: {error.strerror}")

    def _follow(self) -> None:
        assert self._reader is not None
        with FileIO(self.target, "a") as target:
            while True:
                last = self._stop.is_set()  # asked before reading: what came before the request is still read
                moved = self._copy(target)
                if not moved and self._renewed(target):
                    continue
                if last:
                    self._write(target, b"", whole=True)
                    return
                if not moved:
                    self._stop.wait(_INTERVAL)

    def _copy(self, target: FileIO) -> bool:
        assert self._reader is not None
        try:
            data = self._reader.read()
        except OSError as error:
            self._problem(f"{self.source.name} cannot be read: {error.strerror}")
            return False
        if data:
            self._write(target, data)
        return bool(data)

    def _write(self, target: FileIO, data: bytes, *, whole: bool = False) -> None:
        """Write what was read; with `whole`, no more will come, and what has begun is written as it is."""
        if self._redact:
            *lines, self._begun = (self._begun + data).split(b"\n")
            data = b"".join(self._redact(line) + b"\n" for line in lines)
            if whole:
                data, self._begun = data + self._redact(self._begun), b""
        if data:
            target.write(data)
            self.copied = target.tell()
            self._arrived(self.copied, time.time())

    def _renewed(self, target: FileIO) -> bool:
        """Whether the log was rotated, and the new one opened; what was truncated can't be had any more."""
        assert self._reader is not None
        ours = os.fstat(self._reader.fileno())
        if ours.st_size < self._reader.tell():
            self._problem(f"{self.source.name} was truncated")
            self._write(target, b"", whole=True)
            self._reader.seek(0)
            return True
        try:
            now = self.source.stat()
            if (now.st_ino, now.st_dev) == (ours.st_ino, ours.st_dev):
                return False
            fresh = self.source.open("rb")
        except FileNotFoundError:
            if self._stop.is_set():
                self._problem(f"{self.source.name} has vanished")
            return False
        self._copy(target)  # what was written to the old file between our last read and the rename
        self._write(target, b"", whole=True)
        self._reader.close()
        self._reader = fresh
        return True

    def _problem(self, text: str) -> None:
        if text not in self.problems:
            self.problems.append(text)
