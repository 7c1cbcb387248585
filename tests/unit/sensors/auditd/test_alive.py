"""Who is there when a capture begins, by this machine's own /proc."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.sensors.auditd.alive import write_alive

OWNER = "LIVEFIRE_OWNER"


def written(tmp_path: Path, *ours: str) -> dict[int, dict[str, Any]]:
    count = write_alive(tmp_path / "alive.jsonl", ours)
    lines = [json.loads(line) for line in (tmp_path / "alive.jsonl").read_text().splitlines()]
    assert len(lines) == count
    return {line["pid"]: line for line in lines}


def test_each_process_with_what_tells_it_from_another_of_its_pid(tmp_path: Path) -> None:
    before = time.time()
    child = subprocess.Popen(["sleep", "60"])
    try:
        while not Path(f"/proc/{child.pid}/exe").exists():
            time.sleep(0.01)
        found = written(tmp_path)
    finally:
        child.kill()
        child.wait()
    assert found[child.pid]["parent"] == os.getpid()
    assert before - 1 < found[child.pid]["started"] < time.time() + 1
    assert not found[child.pid]["ours"]
    assert found[os.getpid()]["ours"]
    assert found[os.getpid()]["path"] == os.path.realpath(sys.executable)


@pytest.mark.parametrize(("owner", "ours"), [("lab-1/dockerd", True), ("lab-12/dockerd", False), ("lab-1", False)])
def test_what_another_livefire_started_is_not_ours(tmp_path: Path, owner: str, ours: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"], env={OWNER: owner}, stdout=-1, stdin=-1
    )
    try:
        assert process.stdout
        process.stdout.readline()
        assert written(tmp_path, "run-1", "lab-1")[process.pid]["ours"] is ours
    finally:
        process.kill()
        process.communicate()


def test_where_a_process_can_be_asked(tmp_path: Path) -> None:
    fifo, path = tmp_path / "f", tmp_path / "s"
    os.mkfifo(fifo)
    held = os.open(fifo, os.O_RDWR)
    try:
        with socket.socket(socket.AF_UNIX) as unix, socket.create_server(("127.0.0.1", 0)) as tcp:
            unix.bind(str(path))
            port = f"tcp:{tcp.getsockname()[1]}"
            assert not {str(path)} & set(written(tmp_path)[os.getpid()]["asked_at"])
            unix.listen()
            asked_at = set(written(tmp_path)[os.getpid()]["asked_at"])
    finally:
        os.close(held)
    assert {str(path), str(fifo), port} <= asked_at


def test_no_command_line_is_kept(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "61.5"])
    try:
        written(tmp_path)
    finally:
        child.kill()
        child.wait()
    assert "61.5" not in (tmp_path / "alive.jsonl").read_text()
