"""Somebody else's daemon, cluster and auditd: used when named, and left as they were."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.capture.lab.docker_api import docker_client
from harness.capture.lab.image import REFERENCE
from harness.capture.sensors.auditd import kernel_status
from tests.lab.conftest import Livefire, footprint, fresh_livefire

DOCKER = ["T1059.013/docker-container-execution", "T1059.013/docker-privileged-container-creation"]
SECRETS = "T1059.013/kubectl-secrets-enumeration"


@pytest.fixture(scope="module")
def foreign() -> Iterator[dict[str, str]]:
    """A daemon and a cluster that belong to another state folder: foreign to the Livefire under test."""
    with fresh_livefire() as other:
        assert other("lab", "up").code == 0
        yield dict(line.split(maxsplit=1) for line in other("lab", "status").out.splitlines())
        assert other("lab", "down").code == 0


def test_a_named_docker_host_is_used_and_keeps_nothing_of_ours(
    livefire: Livefire, foreign: dict[str, str], tmp_path: Path
) -> None:
    socket = Path(foreign["DOCKER_HOST"].removeprefix("unix://"))
    with docker_client(socket) as client:
        client.images.remove(REFERENCE, force=True)
        theirs = client.images.list(all=True)
        options: list[str | Path] = [
            "--docker",
            "host",
            "--cluster",
            "none",
            "--recording",
            tmp_path / "r",
            "--json",
            "-",
        ]
        done = livefire("run", *DOCKER, *options, DOCKER_HOST=foreign["DOCKER_HOST"])
        assert done.verdicts() == dict.fromkeys(DOCKER, "PROVEN"), done.err
        assert client.images.list(all=True) == theirs
        assert client.containers.list(all=True) == []


def test_a_named_cluster_is_used_and_keeps_nothing_of_ours(
    livefire: Livefire, foreign: dict[str, str], tmp_path: Path
) -> None:
    audit_log = Path(foreign["KUBECONFIG"]).parent / "audit/audit.log"
    kubectl = ["kubectl", f"--kubeconfig={foreign['KUBECONFIG']}", "get"]
    kinds = ["namespaces,clusterrolebindings,serviceaccounts,secrets,configmaps", "--all-namespaces", "--output=name"]
    before = subprocess.run([*kubectl, *kinds], capture_output=True, check=True).stdout
    options: list[str | Path] = ["--cluster", "context:livefire", "--kube-audit-log", audit_log, "--docker", "none"]
    options += ["--recording", tmp_path / "r", "--json", "-"]
    done = livefire("run", SECRETS, *options, KUBECONFIG=foreign["KUBECONFIG"])
    assert done.verdicts() == {SECRETS: "PROVEN"}, done.err
    assert subprocess.run([*kubectl, *kinds], capture_output=True, check=True).stdout == before


def test_a_running_auditd_is_used_and_left_running(livefire: Livefire, tmp_path: Path) -> None:
    enabled = kernel_status()["enabled"]
    daemon = subprocess.Popen(["auditd", "-n"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while kernel_status()["pid"] != daemon.pid and time.monotonic() < deadline:
            time.sleep(0.05)
        before = footprint()
        options: list[str | Path] = ["--cluster", "none", "--recording", tmp_path / "r", "--json", "-"]
        done = livefire("run", *DOCKER, *options)
        assert done.verdicts() == dict.fromkeys(DOCKER, "PROVEN"), done.err
        assert footprint() == before
        assert daemon.poll() is None
    finally:
        daemon.terminate()
        daemon.wait(timeout=20)
        subprocess.run(["auditctl", "-e", str(enabled)], check=True, stdout=subprocess.DEVNULL)
