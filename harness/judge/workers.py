"""Processes that judge side by side: one for each processor that this process may use."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from harness.interrupts import ENDING, shielded

_WAIT = 0.5  # seconds: a signal that comes just before a wait does not end it
Call = tuple[Callable[..., Any], tuple[Any, ...]]  # a function and its arguments


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    pipe: Connection

    def end(self) -> None:
        """Kill it at once: it holds nothing that must be undone."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


@contextlib.contextmanager
def side_by_side(
    begin: Callable[..., None], given: tuple[Any, ...], calls: Sequence[Call], *, processes: int | None = None
) -> Iterator[Iterator[tuple[int, Any]]]:
    """Make calls in processes that called `begin(*given)` first. `processes` is their number, by default of processors.

    The context is an iterator over the numbers and values of the calls, as they return; it raises what a call raised.
    The processes are killed at the end of the block.
    """
    workers: list[_Worker] = []
    try:
        yield _answers(workers, begin, given, calls, max(1, min(processes or processors(), len(calls))))
    finally:
        for worker in workers:
            worker.end()


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _answers(
    workers: list[_Worker], begin: Callable[..., None], given: tuple[Any, ...], calls: Sequence[Call], count: int
) -> Iterator[tuple[int, Any]]:
    todo = iter(enumerate(calls))
    busy: dict[Connection, _Worker] = {}
    for _ in range(count):
        _start(workers, begin, given)
        workers[-1].pipe.send(next(todo))
        busy[workers[-1].pipe] = workers[-1]
    while busy:
        for pipe in [ready for ready in wait(list(busy), _WAIT) if isinstance(ready, Connection)]:
            try:
                number, value, error = pipe.recv()
            except EOFError:
                busy[pipe].process.join()
                raise RuntimeError(f"a process that judges ended, exit code {busy[pipe].process.exitcode}") from None
            if error is not None:
                raise error
            following = next(todo, None)
            if following is None:
                del busy[pipe]
            else:
                pipe.send(following)
            yield number, value


def _start(workers: list[_Worker], begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    """Start a process. Signals are blocked until it is in the list, and in the process until it can ignore Ctrl-C."""
    # no fork: it would copy the locks of an engine without its threads
    context = multiprocessing.get_context("spawn")
    with shielded():  # another thread may get what is blocked here
        resource_tracker.ensure_running()  # its start unblocks signals, so it comes first
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # the process inherits it
        try:
            ours, its = context.Pipe()
            process = context.Process(target=_work, args=(its, begin, given), daemon=True)
            process.start()
            its.close()  # so that our end closes with the process
            workers.append(_Worker(process, ours))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection, begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group, but the parent ends us
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin(*given)
    while True:
        number, (called, arguments) = pipe.recv()
        try:
            answer: tuple[int, Any, Exception | None] = (number, called(*arguments), None)
        except Exception as error:
            answer = (number, None, error)
        pipe.send(answer)


def _end_with_parent() -> None:
    """End this process when its parent is gone, since nothing else would end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
