"""Somebody else's daemon, cluster and auditd: used when named, and left as they were."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from harness.lab.docker.docker_api import docker_client
from harness.lab.docker.image import REFERENCE, ensure_image
from harness.sensors.auditd.audit_sensor import kernel_status
from tests.lab.conftest import Done, Livefire, changed, footprint, fresh_livefire

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
        assert verdicts_of(done, DOCKER) == dict.fromkeys(DOCKER, "PROVEN"), done.err
        assert client.images.list(all=True) == theirs
        assert client.containers.list(all=True) == []


def verdicts_of(done: Done, atomics: list[str]) -> dict[str, str]:
    """Those of the atomics that were asked for: a live run adds controls."""
    found = done.verdicts()
    return {atomic: found[atomic] for atomic in atomics}


CREATING = [
    "T1059.013/docker-create-privileged",
    "T1059.013/docker-exec",
    "T1059.013/docker-build",
]


def the_users(client: docker.DockerClient) -> dict[str, str]:
    """Containers of the user's, one of each image that is ours, by whatever name; their ids and states."""
    ours = client.images.get(REFERENCE)
    ours.tag("mine/box", "1")
    made = [
        client.containers.create(REFERENCE, ["sleep", "300"]),
        client.containers.run("mine/box:1", ["sleep", "300"], detach=True, name="users-box"),
        client.containers.create(str(ours.id), ["true"]),
    ]
    return states(client) if made else {}


def states(client: docker.DockerClient) -> dict[str, str]:
    return {str(each.id): each.status for each in client.containers.list(all=True)}


def tags(client: docker.DockerClient) -> list[str]:
    return sorted(tag for image in client.images.list(all=True) for tag in image.tags)


def options(folder: Path) -> list[str | Path]:
    return ["--docker", "host", "--cluster", "none", "--recording", folder, "--json", "-"]


def test_the_user_s_containers_of_the_same_image_survive_a_run_and_a_crash(
    livefire: Livefire, foreign: dict[str, str], tmp_path: Path
) -> None:
    socket = Path(foreign["DOCKER_HOST"].removeprefix("unix://"))
    with docker_client(socket) as client:
        ensure_image(client)
        before, names = the_users(client), tags(client)
        try:
            assert len(before) == 3
            done = livefire("run", *CREATING, *options(tmp_path / "r"), DOCKER_HOST=foreign["DOCKER_HOST"])
            proven = CREATING[:2]  # of a build the daemon's log alone tells, which is not read on a host
            assert verdicts_of(done, proven) == dict.fromkeys(proven, "PROVEN"), done.err
            assert (states(client), tags(client)) == (before, names)

            killed = livefire.start("run", *CREATING, *options(tmp_path / "k"), DOCKER_HOST=foreign["DOCKER_HOST"])
            while states(client) == before and killed.poll() is None:
                time.sleep(0.01)
            killed.kill()
            killed.communicate()
            cleaned = livefire("clean")
            assert cleaned.code == 0, cleaned.err
            assert (states(client), tags(client)) == (before, names)
        finally:
            for each in client.containers.list(all=True):
                each.remove(force=True)
            client.images.remove("mine/box:1")


def test_a_container_of_the_user_s_with_a_name_that_an_atomic_wants_is_left_alone(
    livefire: Livefire, foreign: dict[str, str], tmp_path: Path
) -> None:
    socket = Path(foreign["DOCKER_HOST"].removeprefix("unix://"))
    atomic = "T1059.013/docker-exec"
    with docker_client(socket) as client:
        ensure_image(client)
        theirs = client.containers.run(REFERENCE, ["sleep", "300"], detach=True, name="livefire-target")
        try:
            done = livefire("run", atomic, *options(tmp_path / "r"), DOCKER_HOST=foreign["DOCKER_HOST"])
            assert done.verdicts()[atomic] != "PROVEN", done.err
            theirs.reload()
            assert theirs.status == "running"
        finally:
            theirs.remove(force=True)


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
        assert verdicts_of(done, DOCKER) == dict.fromkeys(DOCKER, "PROVEN"), done.err
        assert changed(before) == {}
        assert daemon.poll() is None
    finally:
        daemon.terminate()
        daemon.wait(timeout=20)
        subprocess.run(["auditctl", "-e", str(enabled)], check=True, stdout=subprocess.DEVNULL)
