"""Temporary files of a live run: in a folder of this process, and removed once the process is dead."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.capture.holder import ticks
from harness.capture.process import run
from harness.capture.scratch import scratch, sweep

KILLED = """
import os, pathlib, sys, tempfile
from harness.capture.scratch import scratch
with scratch(pathlib.Path(sys.argv[1])):
    file = tempfile.NamedTemporaryFile()
    file.write(b"telemetry")
    file.flush()
    os.kill(os.getpid(), 9)
"""


def test_files_of_this_process_and_of_those_it_starts_lie_there_and_go(tmp_path: Path) -> None:
    root, before = tmp_path / "s", tempfile.gettempdir()
    with scratch(root) as folder, tempfile.NamedTemporaryFile() as file:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert Path(file.name).parent == folder
        assert run(["mktemp", "-u"]).output.startswith(f"{folder}/")
        (folder / "left").mkdir()
    assert not root.exists()
    assert tempfile.gettempdir() == before


def test_one_of_a_process_that_was_killed_is_swept_and_no_other(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -9
    (dead,) = tmp_path.iterdir()
    assert any(dead.iterdir())
    foreign = [tmp_path / "tmp-1", tmp_path / "tmp-x-y", tmp_path / f"tmp-{os.getpid()}-{ticks(os.getpid())}"]
    for folder in foreign:
        folder.mkdir()
    (tmp_path / "tmp-999999-1").symlink_to(foreign[0])
    assert sweep(tmp_path) == [dead.name]
    assert not dead.exists()
    assert all(folder.is_dir() for folder in foreign)


def test_a_number_that_is_another_process_by_now_is_dead(tmp_path: Path) -> None:
    (tmp_path / f"tmp-{os.getpid()}-{ticks(os.getpid()) - 1}").mkdir()
    assert len(sweep(tmp_path)) == 1
    assert sweep(tmp_path / "none") == []
