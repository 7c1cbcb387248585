"""Output whose reader has gone away is no error; a full disk is one."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.terminal import Forgiving

PROGRAM = "from harness.cli.terminal import guard_terminal as f; f(); import sys, time; time.sleep(0.3)"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_closed_terminal_is_no_error(stream: str) -> None:
    master, slave = pty.openpty()
    code = f"{PROGRAM}; print('x' * 70000, file=sys.{stream}, flush=True); sys.exit(7)"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    os.close(master)
    assert process.wait(20) == 7


def test_a_pipe_that_nobody_reads_is_no_error() -> None:
    code = f"{PROGRAM}; print('x' * 70000); sys.exit(7)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(20) == 7


def test_a_full_disk_is_an_error() -> None:
    with Path("/dev/full").open("wb") as full, pytest.raises(OSError, match="No space left"):
        Forgiving(full.fileno(), "wb", closefd=False).write(b"x")
