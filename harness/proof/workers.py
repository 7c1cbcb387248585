"""Processes that judge side by side: one for each processor that this process may use."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any


def workers(
    begin: Callable[..., None], given: tuple[Any, ...], *, most: int, wanted: int | None = None
) -> ProcessPoolExecutor:
    """A pool in which `begin(*given)` has been called in each process; never more processes than `most`."""
    count = max(1, min(wanted or processors(), most))
    # not forked: there may be an engine in this process, and a fork would have its locks without its threads
    return _Pool(count, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(begin, given))


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Pool(ProcessPoolExecutor):
    """Its processes are begun with Ctrl-C blocked, for as long as they can't ignore it yet."""

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        """As that of the class above."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(*args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: who waits for us ends us
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    begin(*given)
