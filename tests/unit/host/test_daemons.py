"""A daemon that has ended is told of with the end of its log."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.errors import LabUnavailable
from harness.host import daemons
from harness.host.daemons import check_runs
from harness.host.owned_folders import OwnedFolder


def test_a_daemon_that_has_ended_is_told_of_with_the_last_lines_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(9)))
    with subprocess.Popen(["sh", "-c", "exit 3"]) as process:
        process.wait()
    with pytest.raises(LabUnavailable) as caught:
        check_runs("etcd", process, log)
    assert caught.value.message == "etcd ended with code 3"
    assert list(caught.value.more) == [f"line {number}" for number in range(4, 9)]


def test_a_log_that_cannot_be_read_is_no_other_error(tmp_path: Path) -> None:
    with subprocess.Popen(["false"]) as process:
        process.wait()
    with pytest.raises(LabUnavailable, match="ended with code 1"):
        check_runs("etcd", process, tmp_path / "none")


def test_a_daemon_that_runs_is_no_error(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            check_runs("etcd", process, tmp_path / "none")
        finally:
            process.kill()


def test_a_daemon_is_in_the_ledger_before_it_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lab-0a1b2c"
    folder.mkdir()
    owned = OwnedFolder(folder)
    entries: list[dict[str, object]] = []

    def start(command: list[str], *, owner: str, log: Path) -> str:
        entries.extend(entry.what for entry in owned.ledger.open_entries())
        return f"{owner}: {' '.join(command)}"

    monkeypatch.setattr(daemons, "start_daemon", start)
    started = daemons.start_recorded(owned, "etcd", ["etcd", "--x"], log=folder / "log")
    assert str(started) == "lab-0a1b2c/etcd: etcd --x"
    assert entries == [{"owner": "lab-0a1b2c/etcd"}]
