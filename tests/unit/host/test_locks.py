"""The two locks, held by real processes: who holds them is told, and can be waited for."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.errors import Busy, LabUnavailable, Refused
from harness.host.holder import describe
from harness.host.owned_folders import OwnedFolder, exclusive, sole_capture
from harness.host.waiting import wait_for_turn
from harness.recording import RecordingWriter
from tests.conftest import PROJECT

HOLD = """
import contextlib, sys
from pathlib import Path
from harness.host import locks
locks.CAPTURING = Path(sys.argv[2])
with getattr(locks, sys.argv[1])():
    print("held", flush=True)
    sys.stdin.read()
"""
Hold = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Locks of this test's own: a real capture may be going on."""
    monkeypatch.setenv("LIVEFIRE_STATE", str(tmp_path / "s"))
    name = tmp_path / "captures"
    monkeypatch.setattr("harness.host.locks.CAPTURING", name)
    return str(name)


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


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a network namespace of its own")
def test_a_capture_in_another_network_namespace_is_seen(place: str) -> None:
    program = HOLD.replace("sys.argv[2]", repr(place))
    command = ["unshare", "--net", sys.executable, "-c", program, "sole_capture"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Busy, match=rf"capturing on this machine \(pid {process.pid}, "), sole_capture():
            pass
        process.communicate()
    with sole_capture():
        pass
    assert not Path(place).exists()


def test_a_place_where_captures_meet_that_others_may_write_is_refused(place: str) -> None:
    Path(place).mkdir()
    Path(place).chmod(0o777)
    with pytest.raises(Refused, match="which holds the captures' lock, is not safe"), sole_capture():
        pass


def test_a_link_in_the_place_of_a_lock_is_not_followed(place: str, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("4711")
    Path(place).mkdir(mode=0o700)
    (Path(place) / "capture.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(LabUnavailable), sole_capture():
        pass
    assert (tmp_path / "precious").read_text() == "4711"


def test_clean_does_not_undo_while_somebody_captures_and_says_who(hold: Hold, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.host.owned_folders._LONGEST_ROOT", 107)  # no socket lies in it
    owned = OwnedFolder.create("run")
    process = hold("sole_capture")
    done = CliRunner().invoke(app, ["clean"])
    assert isinstance(done.exception, Busy)
    assert f"(pid {process.pid}, " in done.exception.message
    assert owned.path.exists()
    process.communicate()
    assert CliRunner().invoke(app, ["clean"]).exit_code == 0
    assert not owned.path.exists()


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
