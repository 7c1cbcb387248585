"""Runs the work of an engine in a thread, so that the caller can stop waiting at a limit or at a signal.

Python handles a signal between two of its own instructions, and DuckDB handles `interrupt` between two blocks of rows.
A long call inside a function of DuckDB handles neither. A query that does not end when it is interrupted is abandoned,
and its engine can't be used any more.
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
_AT_ONCE = 0.5  # the same after a signal
_SLICE = 0.5
_AGAIN = 0.02  # seconds between interrupts: DuckDB forgets one between two statements
_OWN = 256 << 20  # bytes that DuckDB takes and does not count
_STATM = Path("/proc/self/statm")  # proc(5): the sixth number is data + stack, in pages


class Guard:
    """One thread that works for an engine. `interrupt` asks DuckDB to end the running query."""

    def __init__(self, limits: Limits, interrupt: Callable[[], None]) -> None:
        self._limits, self._interrupt = limits, interrupt
        self._lost = False
        self._tasks: SimpleQueue[_Task[Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=_work, args=(self._tasks,), name="query", daemon=True)
        self._thread.start()
        weakref.finalize(self, self._tasks.put, None)

    def run(self, work: Callable[[], _T], name: str = "a query") -> _T:
        """What `work` returns or raises. Raises LimitMet, with its `name`, where it exceeds a limit.

        Work that calls `run` again does that work in the same thread, as part of its own.
        """
        if threading.current_thread() is self._thread:
            return work()
        if self._lost:
            raise LimitMet("an earlier query met its limit and could not be ended", lost=True)
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
        """Whether a task ends in time. Waits in short slices, since a signal just before a wait does not end it."""
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
    """Some work, and its outcome once `over` can be acquired."""

    def __init__(self, work: Callable[[], _T]) -> None:
        self._work = work
        self._values: list[_T] = []
        self.error: BaseException | None = None
        self.over = threading.Lock()
        self.over.acquire()

    def do(self) -> None:
        """Do the work; called in the guard's thread."""
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
            self.error = None  # its traceback holds this frame, which holds the error


def _work(tasks: SimpleQueue[_Task[Any] | None]) -> None:
    while (task := tasks.get()) is not None:
        task.do()
        del task  # so that it does not keep the engine alive until the next task


@contextlib.contextmanager
def _bounded(memory: int) -> Iterator[None]:
    """Let this process take only so many bytes more than it has, where the kernel counts them (Linux).

    DuckDB counts tables, joins and results, but not what its functions make of one block of rows: a text that repeats
    another ten million times would have no limit.
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
    """Raise MemoryError where this process has nearly reached the kernel's limit.

    To be called before DuckDB makes Python values: DuckDB does not check whether Python had memory for one, and the
    process would crash (PyTuple_New in DuckDBPyResult::Fetchone).
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if soft != resource.RLIM_INFINITY and _STATM.exists() and soft - _taken() < _OWN // 2:
        raise MemoryError


def _taken() -> int:
    return int(_STATM.read_text(encoding="ascii").split()[5]) * os.sysconf("SC_PAGE_SIZE")


def _is_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError | duckdb.OutOfMemoryException) or "bad alloc" in str(error)
