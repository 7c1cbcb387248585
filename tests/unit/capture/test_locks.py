"""The two locks, held by real processes: who holds them is told, and can be waited for."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.capture.holder import describe, listener
from harness.capture.state import exclusive, sole_capture
from harness.capture.wait import wait_for_turn
from harness.errors import Busy
from harness.recording import RecordingWriter
from tests.conftest import PROJECT

HOLD = """
import contextlib, sys
from harness.capture import state
state._CAPTURING = sys.argv[2]
with getattr(state, sys.argv[1])():
    print("held", flush=True)
    sys.stdin.read()
"""
Hold = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Locks of this test's own: a real capture may be going on."""
    monkeypatch.setenv("LIVEFIRE_STATE", str(tmp_path / "state"))
    name = f"\0livefire-test-{tmp_path}"[:100]
    monkeypatch.setattr("harness.capture.state._CAPTURING", name)
    return name


@pytest.fixture
def hold(place: str) -> Iterator[Hold]:
    """Starts a process that holds a lock until its standard input is closed."""
    started: list[subprocess.Popen[str]] = []

    def start(lock: str) -> subprocess.Popen[str]:
        program = HOLD.replace("sys.argv[2]", repr(place))
        command = [sys.executable, "-c", program, lock]
        process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.communicate()


LOCKS = {
    "exclusive": (exclusive, "another Livefire is at work here"),
    "sole_capture": (sole_capture, "another Livefire is capturing on this machine"),
}


@pytest.mark.parametrize("lock", LOCKS)
def test_who_holds_it_is_told(hold: Hold, lock: str) -> None:
    take, said = LOCKS[lock]
    process = hold(lock)
    with pytest.raises(Busy) as caught, take():
        pass
    assert caught.value.message.startswith(f"{said} (pid {process.pid}, running for ")
    assert " s: -c" in caught.value.message
    assert "--wait" in caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("lock", LOCKS)
def test_it_is_had_once_its_holder_has_ended(hold: Hold, lock: str) -> None:
    take, said = LOCKS[lock]
    process, told = hold(lock), list[str]()

    def tell(text: str) -> None:
        told.append(text)
        process.communicate()  # it ends while we wait

    def enter() -> bool:
        with take():
            return True

    assert wait_for_turn(enter, seconds=math.inf, tell=tell, interval=0.01)
    assert len(told) == 1
    assert told[0].startswith(f"waiting: {said} (pid {process.pid}")


def test_it_is_had_when_its_holder_is_killed(hold: Hold) -> None:
    process = hold("sole_capture")
    process.kill()
    process.wait()
    with sole_capture():
        pass


def test_the_time_to_wait_comes_to_an_end(hold: Hold) -> None:
    hold("sole_capture")
    begun, told = time.monotonic(), list[str]()

    def enter() -> None:
        with sole_capture():
            pytest.fail("somebody else holds it")

    with pytest.raises(Busy):
        wait_for_turn(enter, seconds=0.3, tell=told.append, interval=0.05)
    assert 0.25 < time.monotonic() - begun < 20
    assert len(told) == 1  # not each time that it is asked


def test_without_waiting_it_is_asked_for_once() -> None:
    asked: list[str] = []

    def take() -> None:
        asked.append("asked")
        raise Busy("somebody")

    with pytest.raises(Busy):
        wait_for_turn(take, seconds=0, tell=asked.append)
    assert asked == ["asked"]


def test_each_that_is_waited_for_is_told_once() -> None:
    holders = iter(["pid 1, running for 1 s: a", "pid 1, running for 2 s: a", "pid 2, running for 1 s: b"])
    told: list[str] = []

    def take() -> str:
        who = next(holders, None)
        if who:
            raise Busy(f"held ({who})")
        return "mine"

    assert wait_for_turn(take, seconds=9, tell=told.append, clock=lambda: 0, sleep=lambda _: None) == "mine"
    assert told == ["waiting: held (pid 1, running for 1 s: a)", "waiting: held (pid 2, running for 1 s: b)"]


def test_a_process_is_described_as_far_as_it_can_be_seen() -> None:
    assert describe(0) == "a process of another pid namespace"
    assert describe(2**22 + 1) == f"pid {2**22 + 1}"
    with subprocess.Popen(["cat", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"here\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"here\n"  # before, it may have no command line yet
        found = describe(process.pid)
        process.kill()
    assert found in [f"pid {process.pid}, running for {number} s: cat -" for number in range(20)]


def test_nobody_listens_on_a_socket_that_is_not_there() -> None:
    assert listener("\0livefire-nobody") == 0


def test_a_recording_that_was_not_begun_leaves_no_folder(tmp_path: Path) -> None:
    RecordingWriter(tmp_path / "new").discard()
    assert not (tmp_path / "new").exists()
    (tmp_path / "mine").mkdir()
    RecordingWriter(tmp_path / "mine").discard()
    assert list((tmp_path / "mine").iterdir()) == []
    begun = RecordingWriter(tmp_path / "begun")
    begun.file("raw/auditd.log").write_text("line")
    begun.discard()
    assert begun.file("raw/auditd.log").exists()
