"""Waiting for something that another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from harness import interrupts
from harness.errors import Busy, LabUnavailable
from harness.host import halt

T = TypeVar("T")


class NotYet(Exception):
    """A probe did not see what is waited for; the text says what it saw."""


def wait_until(
    what: str,
    probe: Callable[[], T],
    *,
    timeout: float,
    interval: float = 0.05,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call `probe` until it returns, for at most `timeout` seconds; returns what it returned.

    A probe raises NotYet to be called again; any other exception ends the wait.
    Raises LabUnavailable, which says what the last probe saw; Halted in a maker's thread that is to stop.
    """
    deadline = clock() + timeout
    while True:
        halt.check()
        interrupts.check()
        try:
            return probe()
        except NotYet as seen:
            if clock() >= deadline:
                raise LabUnavailable(f"{what}: not within {timeout:g} s; last seen: {seen}") from None
        sleep(interval)


def wait_for_turn(
    take: Callable[[], T],
    *,
    seconds: float,
    tell: Callable[[str], None],
    interval: float = 0.5,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """What `take` returns, once it raises Busy no more. Waits at most `seconds`, which may be infinite.

    `tell` gets a line for each new holder that is waited for. Raises the last Busy when the time is over.
    """
    deadline, announced = clock() + seconds, ""
    while True:
        interrupts.check()
        try:
            return take()
        except Busy as busy:
            left = deadline - clock()
            if left <= 0:
                raise
            who = busy.message.partition(", running for")[0]
            if who != announced:
                tell(f"waiting: {busy.message}")
                announced = who
        sleep(min(interval, left))
