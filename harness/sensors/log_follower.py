"""Following a log while it is written. A rotation during the run loses nothing."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

ArrivalSink = Callable[[int, float], None]
Redaction = Callable[[bytes], bytes]
_INTERVAL = 0.004
_LONGEST_LINE = 1 << 20
_MOST_FILES = 16
_REMEMBERED = 64  # bytes; a log holds times, so no two places in it are the same


@dataclass
class _File:
    """A file that has or had the log's name. Held open, so that no other file gets its `place`."""

    reader: FileIO
    place: tuple[int, int]
    begun: bytes = b""  # a line whose end has not come yet
    last: bytes = b""  # the last bytes that were read

    @classmethod
    def open(cls, path: Path) -> _File:
        """Open a log. Raises OSError, also for what is no regular file: a FIFO blocks, and a device may never end."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            os.close(descriptor)
            raise OSError(0, "it is no regular file")
        return cls(FileIO(descriptor), _place(state))

    def read(self) -> bytes:
        """The new bytes. Raises OSError."""
        begin, data = self.reader.tell(), self.reader.read() or b""
        self.last = (self.last + data)[-_REMEMBERED:]
        # a writer that does not append goes on at its offset after the log was cut, which leaves a hole of zeros
        return data if begin else data.lstrip(b"\0")

    def was_cut(self) -> bool:
        """Whether the last bytes that were read are gone. The file may have been cut and have grown again."""
        begin = self.reader.tell() - len(self.last)
        return os.pread(self.reader.fileno(), len(self.last), begin) != self.last

    def again(self) -> None:
        """Read it from its beginning."""
        self.reader.seek(0)
        self.last = b""


def _place(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


class LogFollower:
    """Copies what is appended to `source` into `target`, and calls `arrived(offset, time)` for each piece.

    A writer may go on in a file that was renamed, or that something was mounted over. So each file that had the log's
    name is read on, and no part of it twice.
    With `redact`, each line goes through it, and is copied once it is complete.
    `problems` says what may have been lost: a log that was truncated or vanished, or that can't be read.
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
        self._stop = threading.Event()
        self._files: list[_File] = []  # the last one is called as the log is
        self._thread = threading.Thread(target=self._run, name=f"follow {source.name}", daemon=True)

    def start(self) -> None:
        """Begin at the end of the log. Raises OSError when it can't be read.

        A line whose end is not yet written is copied from its beginning.
        """
        self._files.append(_File.open(self.source))
        reader = self._files[0].reader
        end = reader.seek(0, os.SEEK_END)
        begin = reader.seek(max(0, end - _LONGEST_LINE))
        ended = reader.read(end - begin).rpartition(b"\n")
        reader.seek(begin + len(ended[0] + ended[1]))
        self._files[0].last = (ended[0] + ended[1])[-_REMEMBERED:]
        self.target.touch(mode=0o600)
        self._thread.start()

    def seen(self, token: str, timeout: float) -> float | None:
        """When `token` was copied (seconds since the epoch); None if it was not within `timeout` seconds."""
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
        """The problems since the last call, and whether the thread has ended."""
        fresh, self._taken = self.problems[self._taken :], len(self.problems)
        ended = not self._stop.is_set() and not self._thread.is_alive()
        return [*fresh, f"{self.source.name} is followed no more"] if ended else fresh

    def stop(self) -> None:
        """Copy what is in the log by now, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        for file in self._files:
            file.reader.close()

    def _run(self) -> None:
        try:
            self._follow()
        except OSError as error:
            self._problem(f"{self.target.name} cannot be written: {error.strerror}")

    def _follow(self) -> None:
        with FileIO(self.target, "a") as target:
            while True:
                last = self._stop.is_set()  # asked before reading: what came before the request is still read
                moved = [file for file in self._files if self._copy(target, file)]
                if not moved and self._renewed(target):
                    continue
                if last:
                    for file in self._files:
                        self._write(target, file, b"", final=True)
                    return
                if not moved:
                    self._stop.wait(_INTERVAL)

    def _copy(self, target: FileIO, file: _File) -> bool:
        try:
            if file.was_cut():  # what was cut off is lost
                self._problem(f"{self.source.name} was truncated")
                self._write(target, file, b"", final=True)
                file.again()
            data = file.read()
        except OSError as error:
            self._problem(f"{self.source.name} cannot be read: {error.strerror}")
            return False
        if data:
            self._write(target, file, data)
        return bool(data)

    def _write(self, target: FileIO, file: _File, data: bytes, *, final: bool = False) -> None:
        """Write what was read; with `final`, no more will come, and an unfinished line is written, too."""
        if self._redact:
            *lines, file.begun = (file.begun + data).split(b"\n")
            data = b"".join(self._redact(line) + b"\n" for line in lines)
            if final:
                data, file.begun = data + self._redact(file.begun), b""
        if data:
            target.write(data)
            self.copied = target.tell()
            self._arrived(self.copied, time.time())

    def _renewed(self, target: FileIO) -> bool:
        """Whether another file has the log's name now. It is read from here on, besides the earlier ones."""
        try:
            place = _place(self.source.stat())
            if place == self._files[-1].place:
                return False
            known = [file for file in self._files if file.place == place]
            fresh = known[0] if known else _File.open(self.source)
        except FileNotFoundError:
            if self._stop.is_set():
                self._problem(f"{self.source.name} has vanished")
            return False
        except OSError as error:
            self._problem(f"{self.source.name} cannot be opened: {error.strerror}")
            return False
        before = self._files[-1]
        self._copy(target, before)  # what was written to the old file between our last read and the rename
        self._write(target, before, b"", final=True)
        self._files = [*(file for file in self._files if file is not fresh), fresh]
        if len(self._files) > _MOST_FILES:
            self._files.pop(0).reader.close()
        return True

    def _problem(self, text: str) -> None:
        """Note a problem. The same one is noted again once it was taken: then it belongs to another atomic."""
        if text not in self.problems[self._taken :]:
            self.problems.append(text)
