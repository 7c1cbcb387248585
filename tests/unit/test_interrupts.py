"""Signals that end us: raised once, and not in what is shielded."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from harness import interrupts


@pytest.fixture(autouse=True)
def handled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(interrupts, "_state", interrupts._State())
    # a shell has what it starts in the background ignore SIGINT
    before = {number: signal.signal(number, signal.SIG_DFL) for number in interrupts.ENDING}
    with interrupts.handled():
        yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", interrupts.ENDING)
def test_a_signal_is_raised_with_its_name(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt, match=number.name):
        os.kill(os.getpid(), number)
    assert interrupts.came() == number.name


def test_those_that_follow_at_once_mean_the_same() -> None:
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    for _ in range(9):
        os.kill(os.getpid(), signal.SIGINT)


def test_one_that_comes_long_after_is_raised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "_SAME", 0.0)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_shielded_block_is_finished_and_says_so_and_the_interrupt_comes_then(
    capfd: pytest.CaptureFixture[str],
) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), interrupts.shielded("still undoing"):
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
        with interrupts.shielded():
            os.kill(os.getpid(), signal.SIGINT)
        done.append(1)
    assert done
    assert capfd.readouterr().err.split() == ["still", "undoing"] * 4


def test_an_error_of_a_shielded_block_gives_way_to_the_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt, match="SIGHUP"), interrupts.shielded():
        os.kill(os.getpid(), signal.SIGHUP)
        raise OSError("of the work that was interrupted")


def test_an_interrupt_under_way_is_not_raised_twice() -> None:
    with pytest.raises(KeyboardInterrupt, match="the first"), interrupts.shielded():
        os.kill(os.getpid(), signal.SIGHUP)
        raise KeyboardInterrupt("the first")


def test_a_swallowed_interrupt_is_raised_again_where_something_is_waited_for() -> None:
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    with interrupts.shielded():
        interrupts.check()
    with pytest.raises(KeyboardInterrupt, match="SIGINT"):
        interrupts.check()


def test_other_threads_neither_shield_nor_are_interrupted() -> None:
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        with interrupts.shielded():
            entered.set()
            leave.wait(10)
            interrupts.check()

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait(10)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    leave.set()
    thread.join()


def test_what_whoever_started_us_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupts.install()
        os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert interrupts.came() == ""


class _Dying:
    """Gets a signal while it dies."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def test_one_that_comes_in_a_destructor_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    dying = _Dying()
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        del dying
        time.sleep(5)
    assert capfd.readouterr().err == ""


class _Complaining:
    """Fails while it dies."""

    def __del__(self) -> None:
        raise OSError("its folder is gone")


def test_what_destructors_complain_of_after_one_came_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(interrupts._state, "hook", lambda each: told.append(each.exc_value))
    complaining = [_Complaining(), _Complaining()]
    del complaining[1]
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
    del complaining[0]
    assert [str(each) for each in told] == ["its folder is gone"]


def test_what_is_held_back_comes_when_it_is_let_come() -> None:
    interrupts.hold_back()
    os.kill(os.getpid(), signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt, match="SIGHUP"):
        interrupts.let_come()
    interrupts._state.last = float("-inf")
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


LATE = """
import os, signal, sys, threading, time
from harness import interrupts

class Late:
    kill, pid, numbers = os.kill, os.getpid(), interrupts.ENDING  # what is global is gone by then

    def __del__(self):
        for number in self.numbers:
            self.kill(self.pid, number)

interrupts.install()
interrupts.end_of_process()
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()  # as of an engine: nothing is blocked in it
late = sys.late = Late()
print("all of it")
interrupts.leave()
interrupts.leave_with(7)
"""


def test_a_signal_while_python_is_taken_down_changes_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "all of it\n", "")
