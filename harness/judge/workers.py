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

_HEEDED = 0.5  # seconds: a signal that comes just before a wait begins does not end it
Call = tuple[Callable[..., Any], tuple[Any, ...]]  # what is called, and with what


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    pipe: Connection

    def end(self) -> None:
        """At once, whatever it is at: it holds nothing that would have to be undone."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


@contextlib.contextmanager
def side_by_side(
    begin: Callable[..., None], given: tuple[Any, ...], calls: Sequence[Call], *, processes: int | None = None
) -> Iterator[Iterator[tuple[int, Any]]]:
    """Make calls in processes in which `begin(*given)` was called before.

    The context is an iterator over the number of each call and what it returned, as they end; it raises what a call
    raised. The processes end with the block, whatever they are at.
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
        for pipe in [ready for ready in wait(list(busy), _HEEDED) if isinstance(ready, Connection)]:
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
    """Begin a process. Signals wait until it stands in the list, and in it until it can ignore Ctrl-C."""
    # not forked: there may be an engine in this process, and a fork would have its locks without its threads
    context = multiprocessing.get_context("spawn")
    with shielded():  # what is blocked here may come by another thread
        resource_tracker.ensure_running()  # while it is begun, it unblocks signals
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # the process begins with it
        try:
            ours, its = context.Pipe()
            process = context.Process(target=_work, args=(its, begin, given), daemon=True)
            process.start()
            its.close()  # so that ours ends when the process does
            workers.append(_Worker(process, ours))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection, begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: who waits for us ends us
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
    """End when whoever began us is gone, whatever has become of it: nobody else would end us."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
