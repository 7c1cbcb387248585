"""The ledger: each thing that Livefire makes is written here first, and undone from here.

There is one way to take something down, and it is this one: after an orderly end and after `kill -9` alike.
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
    """What was made is being undone: nothing more is made."""


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
        """Call `stop` when it is closed: it ends those who make what stands in it, and returns what would not end."""
        with self._lock:
            self._makers.append(stop)

    def mark_undone(self, number: str) -> None:
        """What this entry names has been taken back already, by whoever made it."""
        with self._lock:
            self._append({"undone": number})

    def close(self) -> list[str]:
        """From now on `add` raises, and nothing is being made any more. What was added before is on disk.

        Returns what would not end.
        """
        with self._lock:
            self._closed.set()
            makers, self._makers = self._makers, []
        return [problem for stop in makers for problem in stop()]

    def read(self) -> Reading:
        """What still has to be undone, the newest first, and what of the ledger can't be read. Never raises."""
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
        """Undo some of the entries, the newest first; returns what failed, which is open still. More may be made."""
        if not numbers:
            return []
        return [problem for entry in self.open_entries() if entry.id in numbers for problem in self._undo(entry)]

    def undo(self) -> list[str]:
        """Undo everything, the newest first, each entry whatever became of the others; returns what failed.

        What carries the owner's name and stands in no line is undone, too. The folder in which the ledger lies goes
        last, and only if nothing is left that the next `clean` would need the ledger for. No signal ends it.
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
        """A blank ledger tells nothing of what lies beside it. If nothing does, its first line was never written."""
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
            with contextlib.suppress(OSError, LabUnavailable):  # on a full disk: once more undone, which does no harm
                self._append({"undone": entry.id})
        return problems

    def _take_back(self, kind: str, what: kinds.What) -> list[str]:
        """Undo one thing; returns what failed: whatever a daemon, its client library or the kernel came up with."""
        try:
            kinds.undo(kind, self.whose, what)
        except Exception as error:
            return [f"{kind} {brief(what)}: {first_line(error)}"]
        return []

    def _undo_leftovers(self) -> list[str]:
        """Undo what no entry named. That it was there means that a line is missing, which may have named more."""
        if not _OURS.fullmatch(self.whose.id):
            return []
        problems = []
        for kind in kinds.findable():
            try:
                found = kinds.find(kind, self.whose)
            except Exception as error:
                problems.append(f"whether a {kind} of {self.whose.id} is left can't be told: {first_line(error)}")
                continue
            for what in found:
                undone = f"{kind} {brief(what)}: undone, but it stood in no ledger, which so may lack more"
                problems += self._take_back(kind, what) or [undone]
        return problems

    def _append(self, entry: dict[str, Any]) -> None:
        """One line in one write. A line that a crash has cut off is ended first, or it would swallow this one."""
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
