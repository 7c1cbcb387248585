"""Processes that judge side by side: one for each processor that this process may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def workers(
    begin: Callable[..., None], given: tuple[Any, ...], *, most: int, wanted: int | None = None
) -> ProcessPoolExecutor:
    """A pool in which `begin(*given)` has been called in each process; never more processes than `most`.

    There must be no engine in this process: the workers may be forks of it, and DuckDB's threads would not be.
    """
    count = max(1, min(wanted or processors(), most))
    return ProcessPoolExecutor(count, initializer=_begin, initargs=(begin, given))


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: who waits for us ends us
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    begin(*given)
