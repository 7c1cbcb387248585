"""What an atomic leaves on the machine is put back after it, and after kill -9 by `clean`."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import Livefire, footprint

ATOMICS = """\
attack_technique: T1610
display_name: Deploy Container
atomic_tests:
  - name: Leaving
    supported_platforms: [linux]
    executor:
      name: bash
      command: |
        COMMAND
"""
# It leaves its session and its audit session, empties its environment, and has no parent.
ESCAPED = """(echo 0 >/proc/self/loginuid; env -i setsid sh -c 'setsid sleep 4713 & exit') & wait"""


def atomics(folder: Path, *commands: str) -> Path:
    path = folder / "atomics"
    path.mkdir()
    (path / "T1610.yaml").write_text(ATOMICS.replace("COMMAND", "\n        ".join(commands)))
    return path


def options(folder: Path, *commands: str) -> list[str | Path]:
    return ["capture", "--atomics", atomics(folder, *commands), "--cluster", "none", "-o", folder / "r"]


def executing(words: bytes) -> list[int]:
    """The processes with these arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == words:
                found.append(int(path.parent.name))
        except OSError:  # it has just ended
            continue
    return found


def escaped() -> list[int]:
    return executing(b"sleep\x004713\x00")


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "r/manifest.json").read_text())
    return found


@pytest.fixture
def nothing_escapes() -> Any:
    yield
    for pid in escaped():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.usefixtures("nothing_escapes")
def test_what_has_left_its_session_and_its_environment_is_ended_and_told(livefire: Livefire, tmp_path: Path) -> None:
    before = footprint()
    done = livefire(*options(tmp_path, ESCAPED))
    assert done.code == 0, done.err
    assert escaped() == []
    survivors = manifest(tmp_path)["detonations"][0]["attack"]["survivors"]
    assert len(survivors) == 1
    assert f"outlived its shell, and was ended: pid {survivors[0]}" in done.err
    assert footprint() == before


@pytest.mark.usefixtures("nothing_escapes")
def test_it_does_not_outlive_kill_9_either(livefire: Livefire, tmp_path: Path) -> None:
    before = footprint()
    process = livefire.start(*options(tmp_path, ESCAPED, "sleep 60"))
    wait_for(escaped, process)
    process.kill()
    process.communicate()
    assert escaped()
    done = livefire("clean")
    assert done.code == 0, done.err
    assert escaped() == []
    assert footprint() == before


def wait_for(what: Any, process: Any) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
