"""Makers: stopped, and at their end, before what they make is undone."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness.capture import makers as kinds
from harness.host import halt
from harness.host.daemons import start_daemon
from harness.host.halt import Halted, Makers
from harness.host.ledger import Ledger, LedgerClosed
from harness.host.process import OWNER, owned_processes, run
from harness.host.waiting import NotYet, wait_until

assert kinds  # so that a ledger can undo what is in it


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.jsonl")


def never() -> None:
    raise NotYet("nothing")


def test_undoing_a_ledger_ends_a_maker_that_waits(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError, match="ends the block"), Makers(1, ledger) as makers:
        waiting = makers.submit(lambda: wait_until("that", never, timeout=60))
        assert ledger.undo() == []
        with pytest.raises(Halted):
            waiting.result(0)
        raise RuntimeError("ends the block")


def test_a_command_that_a_maker_waits_for_is_killed(ledger: Ledger) -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Makers(1, ledger) as makers:
        running = makers.submit(lambda: run(["sleep", "60"], timeout=60))
        while not any(b"sleep\x0060" in p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()):
            assert not running.done()
        raise KeyboardInterrupt
    assert time.monotonic() - began < 30
    with pytest.raises(Halted):
        running.result(0)


def test_nothing_is_started_once_the_ledger_is_closed(ledger: Ledger, tmp_path: Path) -> None:
    closed, owner = threading.Event(), f"test-{tmp_path.name}"
    said: list[type[BaseException]] = []

    def make() -> None:
        closed.wait(10)
        for attempt in (
            lambda: start_daemon(["sleep", "60"], owner=owner, log=tmp_path / "log"),
            lambda: run(["touch", tmp_path / "made"]),
            lambda: ledger.add("folder", path=str(tmp_path / "x")),
        ):
            try:
                attempt()
            except (Halted, LedgerClosed) as refused:
                said.append(type(refused))

    def close() -> None:
        threading.Timer(0.05, closed.set).start()
        ledger.close()

    with pytest.raises(KeyboardInterrupt), Makers(1, ledger) as makers:
        makers.submit(make)
        close()
        raise KeyboardInterrupt
    assert said == [Halted, Halted, LedgerClosed]
    assert not (tmp_path / "made").exists()
    assert owned_processes(owner) == []


def test_a_daemon_that_a_stopped_maker_has_started_is_killed_at_once(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Makers(1, ledger) as makers:
        started = makers.submit(
            lambda: start_daemon(["sleep", "60"], owner=f"test-{tmp_path.name}", log=tmp_path / "log")
        ).result(10)
        raise KeyboardInterrupt
    assert started.wait(10) == -9


def test_a_maker_that_does_not_end_is_told(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halt, "_LONGEST", 0.05)
    release = threading.Event()
    with pytest.raises(RuntimeError), Makers(1, ledger) as makers:
        makers.submit(release.wait, 10)
        assert ledger.close() == ["1 of the threads that start the lab did not end within 0.05 s"]
        release.set()
        raise RuntimeError


def test_makers_that_are_left_alone_finish(ledger: Ledger) -> None:
    with Makers(2, ledger) as makers:
        numbers = list(makers.map(lambda number: number + 1, range(5)))
    assert numbers == [1, 2, 3, 4, 5]
    assert ledger.close() == []


def test_what_is_no_maker_is_not_halted(tmp_path: Path) -> None:
    halt.check()
    process = halt.start(lambda: subprocess.Popen(["true"], start_new_session=True, env={OWNER: "test"}))
    assert process.wait(10) == 0
