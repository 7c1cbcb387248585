"""The ledger: each thing that Livefire makes is written here first, and undone from here.

This is the only way to take something down, after an orderly end and after `kill -9`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from harness.errors import LabUnavailable, first_line
from harness.host import kinds
from harness.host.ledger_lines import CUT_OFF, Entry, Reading, brief, parse, read_owned
from harness.interrupts import shielded

_OURS = re.compile(r"(lab|run)-[0-9a-f]{6}")


class LedgerClosed(LabUnavailable):
    """What was made is being undone, so nothing more may be made."""


class Ledger:
    """An append-only file of JSON lines: `{"id", "kind", "what", "time"}` when made, `{"undone": id}` when undone.

    `time` is in seconds since the epoch. Threads may share a ledger.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.whose = kinds.Whose(path.parent.name, path.parent)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._makers: list[Callable[[], list[str]]] = []

    def add(self, kind: str, **what: Any) -> str:
        """Write down what is about to be made, and return the entry's id. On disk when this returns.

        Raises LedgerClosed once the ledger is closed: then it must not be made.
        """
        if not kinds.is_known(kind):
            raise ValueError(f"nothing can undo a {kind}")
        number = uuid.uuid4().hex
        with self._lock:
            if self._closed.is_set():
                raise LedgerClosed(f"{self.whose.id} is being taken down: no {kind} is made")
            self._append({"id": number, "kind": kind, "what": what, "time": time.time()})
        return number

    def on_close(self, stop: Callable[[], list[str]]) -> None:
        """Call `stop` when the ledger is closed: it ends the makers, and returns a line for what did not end."""
        with self._lock:
            self._makers.append(stop)

    def mark_undone(self, number: str) -> None:
        """Mark an entry whose thing has been removed already."""
        with self._lock:
            self._append({"undone": number})

    def close(self) -> list[str]:
        """From now on `add` raises, and nothing more is made. What was added before is on disk.

        Returns a line for each maker that did not end.
        """
        with self._lock:
            self._closed.set()
            makers, self._makers = self._makers, []
        return [problem for stop in makers for problem in stop()]

    def read(self) -> Reading:
        """What still has to be undone, the newest first, and which lines can't be read. Never raises."""
        try:
            data = read_owned(self.path)
        except FileNotFoundError:
            return Reading(blank=True)
        except OSError as error:
            return Reading(doubts=(f"{self.path} can't be read: {error.strerror}",))
        return parse(data, str(self.path))

    def open_entries(self) -> list[Entry]:
        """What still has to be undone, the newest first."""
        return list(self.read().entries)

    def undo_these(self, numbers: Collection[str]) -> list[str]:
        """Undo some entries, the newest first; returns what failed, which stays open. The ledger stays open, too."""
        if not numbers:
            return []
        return [problem for entry in self.open_entries() if entry.id in numbers for problem in self._undo(entry)]

    def undo(self) -> list[str]:
        """Undo everything, the newest first, and go on after a failure; returns what failed.

        What carries the owner's name but stands in no line is undone, too. The ledger's folder goes last, and only if
        nothing failed: else the next `clean` needs the ledger. No signal interrupts this.
        """
        with shielded("still undoing"):
            return self._undo_all()

    def _undo_all(self) -> list[str]:
        unended = self.close()
        reading = self.read()
        problems = [*unended, *reading.doubts, *self._doubt_of(reading)]
        own = [entry for entry in reading.entries if self._is_own_folder(entry)]
        for entry in reading.entries:
            if entry not in own:
                problems += self._undo(entry)
        problems += self._undo_leftovers()
        if problems:
            return problems
        if reading.blank:
            return self._take_back("folder", {"path": str(self.path.parent)})
        return [problem for entry in own for problem in self._undo(entry)]

    def _doubt_of(self, reading: Reading) -> list[str]:
        """A blank ledger does not say what lies beside it. If nothing does, its first line was never written."""
        folder = self.path.parent
        if not reading.blank or not folder.is_dir() or not {path.name for path in folder.iterdir()} - {self.path.name}:
            return []
        return [f"{folder} has no ledger, or an empty one: what was made is not known, and the folder stays"]

    def describe(self) -> list[str]:
        """One line for each open entry, in the order in which they will be undone, and one for each doubt."""
        reading = self.read()
        return [f"{entry.kind}: {brief(entry.what)}" for entry in reading.entries] + list(reading.doubts)

    def _is_own_folder(self, entry: Entry) -> bool:
        return entry.kind == "folder" and entry.what.get("path") == str(self.path.parent)

    def _undo(self, entry: Entry) -> list[str]:
        """Undo one entry; returns what failed."""
        problems = self._take_back(entry.kind, entry.what)
        if not problems and self.path.exists():  # the folder that holds the ledger may be what was removed
            with contextlib.suppress(OSError, LabUnavailable):  # on a full disk: undoing it again does no harm
                self._append({"undone": entry.id})
        return problems

    def _take_back(self, kind: str, what: kinds.What) -> list[str]:
        """Undo one thing; returns what failed. A daemon, its client library or the kernel may raise any exception."""
        try:
            kinds.undo(kind, self.whose, what)
        except Exception as error:
            return [f"{kind} {brief(what)}: {first_line(error)}"]
        return []

    def _undo_leftovers(self) -> list[str]:
        """Undo what no entry names. A leftover shows that a line is missing, and there may be more such lines."""
        if not _OURS.fullmatch(self.whose.id):
            return []
        problems = []
        for kind in kinds.findable():
            try:
                leftovers = kinds.find(kind, self.whose)
            except Exception as error:
                problems.append(f"it is not known whether a {kind} of {self.whose.id} is left: {first_line(error)}")
                continue
            for what in leftovers:
                undone = f"{kind} {brief(what)}: undone, but no line of the ledger named it: more lines may be missing"
                problems += self._take_back(kind, what) or [undone]
        return problems

    def _append(self, entry: dict[str, Any]) -> None:
        """Write one line at once. A line that a crash has cut off is ended first, or this line would be part of it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            cut_off = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            line = (b"\n" + CUT_OFF + b"\n" if cut_off else b"") + json.dumps(entry).encode() + b"\n"
            if os.write(descriptor, line) != len(line):
                raise LabUnavailable(f"{self.path} can't be written: no space is left")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
