"""Threads that make something, and how they are stopped before that is undone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from types import TracebackType
from typing import Any, ParamSpec, Protocol, TypeVar

from harness.errors import LabUnavailable
from harness.interrupts import abandon, shielded

P = ParamSpec("P")
T = TypeVar("T")
_LONGEST = 8.0  # seconds for the threads to end, once the processes that they wait for have been killed


class Halted(LabUnavailable):
    """What this thread makes is being undone, so it must make nothing more."""


class Closing(Protocol):
    """A ledger, as the threads that make its things use it."""

    def on_close(self, stop: Callable[[], list[str]]) -> None:
        """Call `stop` when the ledger is closed; `stop` returns a line for what did not end."""


class Halt:
    """Tells threads to stop, and kills the processes that they have started, so that no thread waits for one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._started: list[subprocess.Popen[bytes]] = []

    def stop(self) -> None:
        """From now on `check` and `start` raise Halted."""
        with self._lock:
            self._stopped = True
            for process in self._started:
                if process.poll() is None:  # else the pid may be another process's by now
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)

    def check(self) -> None:
        """Raise Halted once `stop` was called."""
        if self._stopped:
            raise Halted("stopped: what was made is being undone")

    def start(self, make: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own, which `stop` will kill. Raises Halted after `stop`."""
        with self._lock:
            self.check()
            process = make()
            self._started = [old for old in self._started if old.returncode is None] + [process]
            return process


_current: ContextVar[Halt | None] = ContextVar("halt", default=None)


def check() -> None:
    """Raise Halted in a maker's thread that is to stop."""
    if halt := _current.get():
        halt.check()


def start(make: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Start a process. Raises Halted in a maker's thread that is to stop."""
    halt = _current.get()
    return halt.start(make) if halt else make()


class Makers(ThreadPoolExecutor):
    """Threads that make the things of a ledger. They are stopped, and have ended, before the ledger is undone."""

    def __init__(self, count: int, ledger: Closing) -> None:
        super().__init__(count)
        self._halt = Halt()
        ledger.on_close(self.stop)

    def submit(self, work: Callable[P, T], /, *given: P.args, **named: P.kwargs) -> Future[T]:
        """As ThreadPoolExecutor.submit, with `check` able to stop the work."""

        def within() -> T:
            _current.set(self._halt)
            self._halt.check()
            return work(*given, **named)

        return super().submit(within)

    def stop(self) -> list[str]:
        """Stop the threads and wait for their end; returns a line if some did not end."""
        self._halt.stop()
        self.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + _LONGEST
        with shielded():
            for thread in list(self._threads):
                thread.join(max(0.0, deadline - time.monotonic()))
        alive = sum(thread.is_alive() for thread in self._threads)
        if alive:
            abandon()
        return [f"{alive} of the threads that start the lab did not end within {_LONGEST:g} s"] if alive else []

    def __exit__(self, kind: type[BaseException] | None, _: Any, __: TracebackType | None) -> None:
        """Wait for the threads. An exception in the block, or during the wait, stops them."""
        try:
            if kind is None:
                self.shutdown(wait=True)
        except BaseException:
            self.stop()
            raise
        if kind is not None:
            self.stop()
