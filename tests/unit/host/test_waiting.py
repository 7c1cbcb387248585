"""wait_until, on a clock that the test moves."""

import pytest

from harness.errors import LabUnavailable
from harness.host.waiting import NotYet, wait_until


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_returns_what_the_probe_returns_as_soon_as_it_does() -> None:
    clock = Clock()

    def probe() -> str:
        if clock.time < 3:
            raise NotYet("too early")
        return "here"

    assert wait_until("it", probe, timeout=10, interval=1, clock=clock, sleep=clock.sleep) == "here"
    assert clock.time == 3


def test_a_time_out_says_what_was_seen_last() -> None:
    clock = Clock()

    def probe() -> None:
        raise NotYet(f"at {clock.time:g}")

    with pytest.raises(LabUnavailable, match=r"the daemon: not within 2 s; last seen: at 2$"):
        wait_until("the daemon", probe, timeout=2, interval=1, clock=clock, sleep=clock.sleep)


def test_any_other_exception_ends_the_wait() -> None:
    def probe() -> None:
        raise LabUnavailable("it died")

    with pytest.raises(LabUnavailable, match="it died"):
        wait_until("it", probe, timeout=10)
