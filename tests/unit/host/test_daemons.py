"""A daemon that has ended is told of with the end of its log."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.errors import LabUnavailable
from harness.host.daemons import check_runs


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
