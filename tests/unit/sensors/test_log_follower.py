"""Following a log through appends, rotation and truncation."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.sensors.log_follower import LogFollower, Redaction


class Followed:
    def __init__(self, folder: Path, redact: Redaction | None = None) -> None:
        self.log, self.copy = folder / "source.log", folder / "copy.log"
        self.log.write_text("before\n")
        self.arrivals: list[int] = []
        self.follower = LogFollower(self.log, self.copy, lambda offset, _: self.arrivals.append(offset), redact=redact)
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


def test_a_line_that_is_being_written_at_the_start_is_copied_whole(tmp_path: Path) -> None:
    log, copy = tmp_path / "source.log", tmp_path / "copy.log"
    for written in ("before\nhal", "hal"):
        log.write_text(written)
        copy.unlink(missing_ok=True)
        follower = LogFollower(log, copy, lambda offset, at: None)
        follower.start()
        with log.open("a") as file:
            file.write("f\n")
        follower.stop()
        assert copy.read_text() == "half\n"


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


def test_the_hole_before_what_is_written_on_is_no_part_of_the_log(followed: Followed) -> None:
    """The API server does not append: it goes on where it was."""
    with followed.log.open("r+") as writer:
        writer.seek(0, os.SEEK_END)
        for word in ("first", "second"):
            writer.write(f"{word}\n")
            writer.flush()
            assert followed.follower.seen(word, 5) is not None
            os.truncate(followed.log, 0)
            until(lambda: bool(followed.follower.problems))
    followed.follower.stop()
    assert followed.copy.read_text() == "first\nsecond\n"


def test_a_log_that_vanishes_is_a_problem(followed: Followed) -> None:
    followed.log.unlink()
    followed.follower.stop()
    assert followed.follower.problems == ["source.log has vanished"]


def test_what_does_not_come_is_not_seen(followed: Followed) -> None:
    assert followed.follower.seen("never", 0.05) is None


@pytest.fixture
def redacted(tmp_path: Path) -> Iterator[Followed]:
    found = Followed(tmp_path, lambda line: line.replace(b"secret", b"***"))
    yield found
    found.follower.stop()


def test_a_line_is_redacted_when_it_is_whole(redacted: Followed) -> None:
    redacted.append("a sec")
    assert redacted.follower.seen("a", 0.1) is None
    redacted.append("ret\n\nb secret\nthe rest is sec")
    assert redacted.follower.seen("b ***\n", 5) is not None
    redacted.append("ret")
    redacted.follower.stop()
    assert redacted.copy.read_text() == "a ***\n\nb ***\nthe rest is ***"
    assert redacted.arrivals[-1] == redacted.copy.stat().st_size


def test_a_line_that_a_rotation_cut_off_is_not_joined_to_the_next_log(redacted: Followed) -> None:
    redacted.append("old secret")
    redacted.log.rename(redacted.log.with_suffix(".1"))
    redacted.log.write_text("new secret\n")
    assert redacted.follower.seen("new", 5) is not None
    redacted.follower.stop()
    assert redacted.copy.read_text() == "old ***new ***\n"


def test_a_log_that_has_another_name_for_a_while_is_read_on_and_no_line_of_it_twice(followed: Followed) -> None:
    """Its writer has it open, and knows nothing of names."""
    followed.append("first\n")
    assert followed.follower.seen("first", 5) is not None
    with followed.log.open("a") as writer:
        for number, aside in enumerate(("x", "y")):
            followed.log.rename(followed.log.with_suffix(f".{aside}"))
            followed.log.write_text(f"other {number}\n")
            assert followed.follower.seen(f"other {number}", 5) is not None
            writer.write(f"meanwhile {number}\n")
            writer.flush()
            assert followed.follower.seen(f"meanwhile {number}", 5) is not None
            followed.log.with_suffix(f".{aside}").replace(followed.log)
    followed.append("last\n")
    followed.follower.stop()
    told = ["first", "other 0", "meanwhile 0", "other 1", "meanwhile 1", "last"]
    assert followed.copy.read_text().splitlines() == told
    assert followed.follower.problems == []


@pytest.mark.parametrize(
    ("make", "remove"),
    [(os.mkfifo, Path.unlink), (Path.mkdir, Path.rmdir), (lambda path: path.symlink_to("/dev/zero"), Path.unlink)],
)
def test_what_is_no_regular_file_is_no_log_and_keeps_nobody(
    followed: Followed, make: Callable[[Path], None], remove: Callable[[Path], None]
) -> None:
    followed.log.rename(followed.log.with_suffix(".aside"))
    make(followed.log)
    until(lambda: bool(followed.follower.problems))
    assert "source.log cannot be opened: it is no regular file" in followed.follower.take_problems()
    remove(followed.log)
    followed.log.with_suffix(".aside").rename(followed.log)
    followed.append("after\n")
    assert followed.follower.seen("after", 5) is not None


def test_what_is_wrong_a_second_time_is_told_a_second_time(followed: Followed) -> None:
    """Each time it is another atomic's. The second time, the log is longer at once than it was before."""
    for text in ("a", "b" * 50, "c" * 100):
        followed.log.write_text(f"{text}\n")
        assert followed.follower.seen(f"{text}\n", 5) is not None
        assert followed.follower.take_problems() == ["source.log was truncated"]
    assert followed.follower.take_problems() == []
    assert followed.copy.read_text().splitlines() == ["a", "b" * 50, "c" * 100]


def until(holds: Callable[[], bool]) -> None:
    """Until it holds, five seconds at most."""
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)
