"""Following a log through appends, rotation and truncation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.capture.sensors.follower import LogFollower


class Followed:
    def __init__(self, folder: Path) -> None:
        self.log, self.copy = folder / "source.log", folder / "copy.log"
        self.log.write_text("before\n")
        self.arrivals: list[int] = []
        self.follower = LogFollower(self.log, self.copy, lambda offset, _: self.arrivals.append(offset))
        self.follower.start()

    def append(self, text: str) -> None:
        with self.log.open("a") as file:
            file.write(text)


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    found = Followed(tmp_path)
    yield found
    found.follower.stop()


def test_copies_what_comes_after_the_start(followed: Followed) -> None:
    followed.append("one\ntwo\n")
    followed.follower.stop()
    assert followed.copy.read_text() == "one\ntwo\n"
    assert followed.arrivals[-1] == 8
    assert followed.follower.problems == []


def test_a_rotation_loses_nothing(followed: Followed) -> None:
    followed.append("old\n")
    followed.log.rename(followed.log.with_suffix(".1"))
    with followed.log.with_suffix(".1").open("a") as file:
        file.write("late\n")
    followed.log.write_text("new\n")
    assert followed.follower.seen("new", 5) is not None
    followed.follower.stop()
    assert followed.copy.read_text() == "old\nlate\nnew\n"
    assert followed.arrivals[-1] == len("old\nlate\nnew\n")
    assert followed.follower.problems == []


def test_a_truncation_is_a_problem(followed: Followed) -> None:
    followed.append("a" * 100 + "\n")
    assert followed.follower.seen("a" * 100, 5) is not None
    followed.log.write_text("b\n")
    assert followed.follower.seen("b\n", 5) is not None
    followed.follower.stop()
    assert followed.follower.problems == ["source.log was truncated"]


def test_a_log_that_vanishes_is_a_problem(followed: Followed) -> None:
    followed.log.unlink()
    followed.follower.stop()
    assert followed.follower.problems == ["source.log has vanished"]


def test_what_does_not_come_is_not_seen(followed: Followed) -> None:
    assert followed.follower.seen("never", 0.05) is None
