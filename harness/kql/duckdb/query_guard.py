"""Runs what is asked of an engine in a thread, so that whoever asks can stop waiting: at a limit, or at a signal.

Python heeds a signal between two of its own instructions, and DuckDB heeds `interrupt` between two blocks of rows: what
is inside a function of DuckDB for long heeds neither. A query that does not end when it is told to is left to itself,
and its engine is of no more use.
"""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import duckdb

from harness import interrupts
from harness.errors import LimitMet
from harness.kql.limits import Limits

_T = TypeVar("_T")
_PATIENCE = 5.0  # seconds for a query to end when it has met a limit
_AT_ONCE = 0.5  # the same when somebody has ended us
_SLICE = 0.5
_AGAIN = 0.02  # how often it is told: between two statements DuckDB forgets it
_OWN = 256 << 20  # what DuckDB takes beside what it counts
_STATM = Path("/proc/self/statm")  # proc(5): the sixth number is data + stack, in pages


class Guard:
    """One thread that works for an engine. `interrupt` has the query that is running end as soon as it can."""

    def __init__(self, limits: Limits, interrupt: Callable[[], None]) -> None:
        self._limits, self._interrupt = limits, interrupt
        self._lost = False
        self._tasks: SimpleQueue[_Task[Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=_work, args=(self._tasks,), name="query", daemon=True)
        self._thread.start()
        weakref.finalize(self, self._tasks.put, None)

    def run(self, work: Callable[[], _T], name: str = "a query") -> _T:
        """What `work` returns or raises. Raises LimitMet, with its `name`, where it takes more than it may.

        Work that asks for more work does it as part of its own.
        """
        if threading.current_thread() is self._thread:
            return work()
        if self._lost:
            raise LimitMet("a query before this one met its limit, and could not be ended", lost=True)
        task = _Task(work)
        with _bounded(self._limits.memory):
            try:
                self._tasks.put(task)
                in_time = self._wait(task)
            except BaseException:
                self._end(task, _AT_ONCE)
                raise
            if not in_time:
                self._end(task, _PATIENCE)
                raise self._limits.late(name, lost=self._lost)
        if task.error is not None and _is_of_memory(task.error):
            raise self._limits.large(name) from None
        return task.result()

    def _wait(self, task: _Task[Any]) -> bool:
        """In slices: a signal that comes just before a wait begins does not end it."""
        until = time.monotonic() + self._limits.seconds
        while (left := until - time.monotonic()) > 0:
            if task.over.acquire(timeout=min(left, _SLICE)):
                return True
        return False

    def _end(self, task: _Task[Any], patience: float) -> None:
        until = time.monotonic() + patience
        while time.monotonic() < until:
            self._interrupt()
            if task.over.acquire(timeout=_AGAIN):
                return
        self._lost = True
        interrupts.abandon()


class _Task(Generic[_T]):
    """Some work, and what came of it once `over` can be had."""

    def __init__(self, work: Callable[[], _T]) -> None:
        self._work = work
        self._values: list[_T] = []
        self.error: BaseException | None = None
        self.over = threading.Lock()
        self.over.acquire()

    def do(self) -> None:
        """To be called in the thread that works."""
        try:
            self._values.append(self._work())
        except BaseException as error:
            self.error = error
        finally:
            self.over.release()

    def result(self) -> _T:
        """What the work returned; raises what it raised."""
        try:
            if self.error is not None:
                raise self.error
            return self._values[0]
        finally:
            self.error = None  # it holds this frame, which holds the error


def _work(tasks: SimpleQueue[_Task[Any] | None]) -> None:
    while (task := tasks.get()) is not None:
        task.do()
        del task  # not to keep the engine until the next one comes


@contextlib.contextmanager
def _bounded(memory: int) -> Iterator[None]:
    """Let this process take so many bytes more than it has, where the kernel counts them (Linux).

    DuckDB counts tables, joins and results; what its functions make of one block of rows it does not, and a text that
    repeats another ten million times would be as large as it likes.
    """
    if not _STATM.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _taken() + memory + _OWN
    lower = [most, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(lower), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def require_room() -> None:
    """Raises MemoryError where this process has nearly met the limit that the kernel keeps.

    To be asked before DuckDB makes Python's values: there it does not heed that Python had no memory for one, and that
    ends the process (PyTuple_New in DuckDBPyResult::Fetchone).
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if soft != resource.RLIM_INFINITY and _STATM.exists() and soft - _taken() < _OWN // 2:
        raise MemoryError


def _taken() -> int:
    return int(_STATM.read_text(encoding="ascii").split()[5]) * os.sysconf("SC_PAGE_SIZE")


def _is_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError | duckdb.OutOfMemoryException) or "bad alloc" in str(error)
