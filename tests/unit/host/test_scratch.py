"""Temporary files of a live run: in a folder of this process, and removed once the process is dead."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.host.heal import left_behind
from harness.host.holder import ticks
from harness.host.notes import noted
from harness.host.process import run
from harness.host.scratch import make_shared, remove_scratch, scratch, sweep

KILLED = """
import os, pathlib, sys, tempfile
from harness.host.scratch import scratch
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


def test_what_workers_share_is_removed_by_the_next_session_where_the_process_was_killed(tmp_path: Path) -> None:
    killed = KILLED.replace("with scratch", "if make_shared").replace("import scratch", "import make_shared")
    killed = killed.replace(
        "NamedTemporaryFile()", "NamedTemporaryFile(dir=next(pathlib.Path(sys.argv[1]).glob('tmp-*')))"
    )
    done = subprocess.run([sys.executable, "-c", killed, str(tmp_path)], check=False)
    assert done.returncode == -9
    (dead,) = tmp_path.glob("tmp-*")
    mine = make_shared(tmp_path)
    assert list(tmp_path.glob("tmp-*")) == [mine] != [dead]
    with scratch(tmp_path):  # a live run of the same process has another
        pass
    assert mine.is_dir()
    remove_scratch(mine)
    assert list(tmp_path.glob("tmp-*")) == []


def test_one_of_another_state_folder_is_swept_too(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: only root's are noted")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "other")], check=False)
    assert done.returncode == -9
    (dead,) = (tmp_path / "other").glob("tmp-*")
    assert dead not in [each.path for each in left_behind()]
    assert dead.name in sweep(tmp_path / "own")
    assert not (tmp_path / "other").exists()
    assert dead.name not in noted()
