"""Nothing is left behind, also after kill -9; nothing foreign is touched; two runs do not meet."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from harness.errors import LabUnavailable
from harness.host.owned_folders import sole_capture
from tests.conftest import MAIN_JOB
from tests.lab.conftest import Livefire, changed, footprint


@pytest.mark.parametrize("delay", [0.4, 0.7, 1.0, 1.6, 2.4, 3.2, 4.0])
def test_clean_after_kill_9_at_any_moment(livefire: Livefire, tmp_path: Path, delay: float) -> None:
    before = footprint()
    process = livefire.start("run", *MAIN_JOB, "--recording", tmp_path / "r")
    time.sleep(delay)
    process.kill()
    process.communicate()
    done = livefire("clean")
    assert done.code == 0, done.err
    assert changed(before) == {}
    assert not livefire.state.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_undoes_itself(livefire: Livefire, tmp_path: Path, number: signal.Signals) -> None:
    before = footprint()
    process = livefire.start("run", *MAIN_JOB, "--recording", tmp_path / "r")
    time.sleep(2.5)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert changed(before) == {}
    assert not livefire.state.exists()


def test_a_second_run_is_refused_and_the_first_is_not_disturbed(livefire: Livefire, tmp_path: Path) -> None:
    first = livefire.start("run", *MAIN_JOB, "--recording", tmp_path / "first")
    time.sleep(1.5)
    second = livefire("run", *MAIN_JOB, "--recording", tmp_path / "second")
    first.communicate(timeout=120)
    assert second.code == 3
    assert f"another Livefire is at work here (pid {first.pid}, " in second.err
    assert first.returncode == 0


def test_a_lab_whose_daemon_died_is_said_to_be_broken(livefire: Livefire, tmp_path: Path) -> None:
    import os

    from harness.host.process import owned_processes

    assert livefire("lab", "up").code == 0
    name = next(p.name for p in livefire.state.iterdir() if p.name.startswith("lab-"))
    for pid in owned_processes(f"{name}/dockerd"):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)
    done = livefire("run", *MAIN_JOB, "--recording", tmp_path / "r")
    assert done.code == 3
    assert "its dockerd has ended" in done.err
    assert livefire("lab", "down").code == 0


def test_a_cluster_that_is_not_ours_must_be_named_in_full(livefire: Livefire) -> None:
    done = livefire("run", "--cluster", "context:production")
    assert done.code == 3
    assert "audit log of context 'production' is not known" in done.err
    done = livefire("run", "--cluster", "production")
    assert done.code == 2
    assert "Traceback" not in done.err


def test_a_docker_host_elsewhere_is_refused(livefire: Livefire) -> None:
    done = livefire("run", "--docker", "host", DOCKER_HOST="tcp://192.0.2.1:2375")
    assert done.code == 3
    assert "is not local" in done.err


def test_doctor_finds_this_machine_fit(livefire: Livefire) -> None:
    done = livefire("doctor")
    assert done.code == 0, done.out
    assert "FAIL" not in done.out


def test_a_second_capture_is_refused_whatever_its_state_folder() -> None:
    with sole_capture(), pytest.raises(LabUnavailable, match="another Livefire is capturing"), sole_capture():
        pass
    with sole_capture():
        pass
