"""Undoing, as far as it needs no root."""

import signal
import subprocess
import time
from hashlib import sha256
from pathlib import Path

import pytest

from harness.host import undo
from harness.host.kinds import Whose
from harness.host.process import podman_processes
from harness.lab.docker import docker_undo


def test_the_sockets_of_our_shims_go_and_no_other_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_undo, "SHIM_SOCKETS", tmp_path / "s")
    (tmp_path / "s").mkdir()
    containers, state = tmp_path / "containers", tmp_path / "state"
    (containers / "one").mkdir(parents=True)
    (state / "io.containerd.runtime.v2.task/livefire-lab/two").mkdir(parents=True)
    ours = str(tmp_path / "c.sock")
    for name in (f"{ours}/moby/one", f"{ours}/livefire-lab/two", "/other.sock/moby/one"):
        (tmp_path / "s" / sha256(name.encode()).hexdigest()).touch()
    docker_undo.shim_sockets(Whose("lab-0a1b2c", tmp_path), ours, str(containers), str(state))
    assert [path.name for path in (tmp_path / "s").iterdir()] == [sha256(b"/other.sock/moby/one").hexdigest()]


def test_podman_s_processes_are_found_by_their_configuration_and_no_other_s(tmp_path: Path) -> None:
    def started(configuration: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sleep", "60"], env={"PATH": "/usr/bin:/bin", "CONTAINERS_CONF": str(configuration)})

    ours, theirs = started(tmp_path / "run/atomic-0/containers.conf"), started(tmp_path / "running/containers.conf")
    try:
        while not podman_processes(str(tmp_path / "run")):  # between fork and exec it has our environment
            time.sleep(0.01)
        undo.podman(Whose("run-0a1b2c", tmp_path / "run"), str(tmp_path / "run"))
        assert ours.wait(timeout=10) == -signal.SIGKILL
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()
