"""A real kind cluster: created, used, and gone without a trace; and what happens when it can't be."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import pytest

from harness.lab.docker.docker_api import docker_client
from harness.lab.docker.image import build_archive
from harness.lab.kubernetes.binaries import find_kind
from tests.conftest import MAIN_JOB
from tests.lab.conftest import NOT_TO_BE_HAD, PROJECT, Livefire, changed, footprint, fresh_livefire

WORKLOADS = {
    "T1610/kubectl-run": "workload-run",
    "T1610/kubectl-exec": "workload-exec",
    "T1610/kubectl-port-forward": "workload-forward",
    "T1610/privileged-pod": "workload-privileged",
}


@dataclass(frozen=True)
class KindLab:
    """A kept lab with a kind cluster, and what the machine looked like before."""

    livefire: Livefire
    status: dict[str, str]
    before: dict[str, Any]

    @property
    def socket(self) -> Path:
        return Path(self.status["DOCKER_HOST"].removeprefix("unix://"))


@pytest.fixture(scope="module")
def kind_lab() -> Iterator[KindLab]:
    with fresh_livefire() as livefire:
        before = footprint()
        done = livefire("lab", "up", "--cluster", "kind")
        assert done.code == 0, done.err
        status = json.loads(livefire("lab", "status", "--json").out)
        yield KindLab(livefire, status, before)


def test_every_atomic_and_benign_run_is_as_expected_also_where_there_is_a_node(
    kind_lab: KindLab, tmp_path: Path
) -> None:
    options: list[str | Path] = ["--no-evasions", "--recording", tmp_path / "r", "--json", "-"]
    done = kind_lab.livefire("run", "T1059.013", *options, LIVEFIRE_CLUSTER="auto")
    assert done.code == 0, done.err
    assert set(MAIN_JOB) <= {atomic for atomic, verdict in done.verdicts().items() if verdict == "PROVEN"}
    assert {atomic for atomic, verdict in done.verdicts().items() if verdict == "SKIPPED"} <= NOT_TO_BE_HAD
    cluster = done.result["lab"]["cluster"]
    assert cluster["kind"] == "kind"
    assert cluster["node_image"]
    assert "kept lab" in done.err


def test_what_runs_in_a_pod_belongs_to_the_atomic_that_created_it(kind_lab: KindLab, tmp_path: Path) -> None:
    workloads: list[str | Path] = ["--atomics", PROJECT / "tests/lab/workloads", "-o", tmp_path / "r"]
    done = kind_lab.livefire("capture", *workloads, LIVEFIRE_CLUSTER="auto")
    assert done.code == 0, done.err
    manifest = json.loads((tmp_path / "r/manifest.json").read_text())
    codes = {d["atomic"]: d["attack"]["exit_code"] for d in manifest["detonations"]}
    assert codes == dict.fromkeys([*WORKLOADS, "T1610/own-pod-asks"], 0)
    rows = duckdb.sql(
        "SELECT _Slice, ProcessCommandLine, InitiatingProcessFileName FROM read_parquet("
        f"'{tmp_path / 'r/tables/DeviceProcessEvents.parquet'}') WHERE FileName = 'busybox'"
    ).fetchall()
    for atomic, word in WORKLOADS.items():
        # in the pod, that is: not the shell on this host that holds the whole command
        found = {(slice_, parent) for slice_, line, parent in rows if line.startswith("sh -c ") and word in line}
        assert {slice_ for slice_, _ in found} == {atomic}, f"{word}: {found}"
        assert all(parent.startswith(("containerd-shim", "runc")) for _, parent in found)
    assert ("T1610/privileged-pod", "cat /proc/1/comm") in {(slice_, line) for slice_, line, _ in rows}
    asked = duckdb.sql(
        f"SELECT _Slice, RequestUri FROM read_parquet('{tmp_path / 'r/tables/AKSAudit.parquet'}') "
        "WHERE RequestUri LIKE '%?who=%'"
    ).fetchall()
    # in whosever name: they come from the addresses of its own pods
    assert {uri.partition("who=")[2] for _, uri in asked} == {"asking-pod", "default-pod"}
    assert {slice_ for slice_, _ in asked} == {"T1610/own-pod-asks"}


def test_an_exec_into_a_pod_that_was_there_before_belongs_to_the_atomic_that_asked_for_it(
    kind_lab: KindLab, tmp_path: Path
) -> None:
    atomic = "T1059.013/kubectl-exec"
    done = kind_lab.livefire("run", atomic, "--recording", tmp_path / "r", "--json", "-", LIVEFIRE_CLUSTER="auto")
    assert done.verdicts() == {atomic: "PROVEN"}, done.err
    rows = duckdb.sql(
        f"SELECT _Slice FROM read_parquet('{tmp_path / 'r/tables/DeviceProcessEvents.parquet'}') "
        "WHERE FileName = 'busybox' AND ProcessCommandLine = 'id'"
    ).fetchall()
    assert rows == [(atomic,)]


def test_the_audit_log_tells_a_privileged_pod_and_no_secret(kind_lab: KindLab, tmp_path: Path) -> None:
    kubectl = ["kubectl", f"--kubeconfig={kind_lab.status['KUBECONFIG']}"]
    subprocess.run(
        [*kubectl, "create", "secret", "generic", "marked", "--from-literal=key=never-to-be-logged"], check=True
    )
    overrides = {"spec": {"containers": [{"name": "x", "image": "none", "securityContext": {"privileged": True}}]}}
    subprocess.run(
        [*kubectl, "run", "marked", "--image=none", "--restart=Never", f"--overrides={json.dumps(overrides)}"],
        check=True,
    )
    subprocess.run([*kubectl, "delete", "pod", "marked", "--now", "--wait=false"], check=True)
    log = (Path(kind_lab.status["KUBECONFIG"]).parent / "audit/audit.log").read_text()
    events = [json.loads(line) for line in log.splitlines()]
    assert "never-to-be-logged" not in log
    bodies = [
        event["requestObject"]
        for event in events
        if event["verb"] == "create"
        and (event.get("objectRef") or {}).get("name") == "marked"
        and "requestObject" in event
    ]
    assert [body["spec"]["containers"][0]["securityContext"]["privileged"] for body in bodies] == [True]
    assert {event["stage"] for event in events} <= {"ResponseStarted", "ResponseComplete", "Panic"}
    components = [e for e in events if (e.get("objectRef") or {}).get("resource") == "leases" and e["verb"] == "update"]
    assert components == []


def test_another_cluster_on_the_same_daemon_is_left_alone(
    kind_lab: KindLab, livefire: Livefire, tmp_path: Path
) -> None:
    with docker_client(kind_lab.socket) as client:

        def theirs() -> dict[str, list[str]]:
            return {
                "containers": sorted(f"{c.id} {c.status}" for c in client.containers.list(all=True)),
                "networks": sorted(str(n.id) for n in client.networks.list()),
                "volumes": sorted(str(v.id) for v in client.volumes.list()),
                "images": sorted(str(i.id) for i in client.images.list(all=True)),
            }

        before, machine = theirs(), footprint()
        options: list[str | Path] = [*MAIN_JOB, "--docker", "host", "--cluster", "kind", "--recording", tmp_path / "r"]
        done = livefire("run", *options, "--json", "-", DOCKER_HOST=kind_lab.status["DOCKER_HOST"])
        assert done.verdicts() == dict.fromkeys(MAIN_JOB, "PROVEN"), done.err
        assert theirs() == before
        assert footprint()["links"] == machine["links"]
    ready = ["kubectl", f"--kubeconfig={kind_lab.status['KUBECONFIG']}", "get", "--raw=/readyz"]
    assert subprocess.run(ready, capture_output=True, text=True).stdout == "ok"


def test_a_kept_lab_goes_without_a_trace(kind_lab: KindLab) -> None:
    done = kind_lab.livefire("lab", "down")
    assert done.code == 0, done.err
    assert changed(kind_lab.before) == {}
    assert not kind_lab.livefire.state.exists()


def test_no_kind_no_kind_cluster(livefire: Livefire, tmp_path: Path) -> None:
    without = {"XDG_CACHE_HOME": str(tmp_path / "empty"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    if shutil.which("kind", path=without["PATH"]):
        pytest.skip("kind is installed by the system's packages")
    done = livefire("run", "--cluster", "kind", **without)
    assert done.code == 3
    assert "'kind' is not installed" in done.err
    assert "scripts/fetch-kind" in done.err
    plan = livefire("run", "--dry-run", LIVEFIRE_CLUSTER="auto", **without)
    assert "cluster: control-plane (kind can't be used: 'kind' is not installed)" in plan.out


def test_auto_takes_the_control_plane_where_no_node_image_can_be_had(livefire: Livefire, tmp_path: Path) -> None:
    image = {"LIVEFIRE_CLUSTER": "auto", "LIVEFIRE_NODE_IMAGE": "nowhere.invalid/node:v1"}
    done = livefire("run", MAIN_JOB[-1], "--recording", tmp_path / "r", "--json", "-", **image)
    assert done.verdicts() == {MAIN_JOB[-1]: "PROVEN"}, done.err
    assert done.result["lab"]["cluster"]["kind"] == "control-plane"
    assert "kind can't be used: the node image nowhere.invalid/node:v1 cannot be pulled" in done.err


def test_an_image_that_no_registry_gives(livefire: Livefire) -> None:
    before = footprint()
    done = livefire("run", "--cluster", "kind", "--node-image", "nowhere.invalid/node:v1")
    assert done.code == 3
    assert "nowhere.invalid/node:v1 cannot be pulled" in done.err
    assert "scripts/build-node-image" in done.err
    assert changed(before) == {}


def test_an_image_that_is_no_node(livefire: Livefire, tmp_path: Path) -> None:
    layer, archive = tmp_path / "layer.tar", tmp_path / "none.tar"
    layer.write_bytes(build_archive(Path(shutil.which("busybox") or "").read_bytes()))
    config = json.dumps({"Entrypoint": ["/bin/sh", "-c", "echo no node; exit 1"]})
    writer: list[str | Path] = [
        sys.executable,
        PROJECT / "scripts/node-image/docker_archive.py",
        layer,
        config,
        "none:local",
    ]
    archive.write_bytes(subprocess.run(writer, capture_output=True, check=True).stdout)
    before = footprint()
    done = livefire("run", "--cluster", "kind", "--node-image", archive, XDG_CACHE_HOME=_cache_with_kind(tmp_path))
    assert done.code == 3
    assert "'kind create cluster' failed" in done.err
    assert "The logs of the node are in" in done.err
    logs = tmp_path / "cache/livefire/kind-logs"
    assert any("no node" in path.read_text(errors="replace") for path in logs.rglob("*") if path.is_file())
    assert changed(before) == {}
    assert not livefire.state.exists()


def test_an_archive_that_is_damaged(livefire: Livefire, tmp_path: Path) -> None:
    archive = tmp_path / "damaged.tar"
    with tarfile.open(archive, "w") as tar:
        info = tarfile.TarInfo("manifest.json")
        info.size = 1
        tar.addfile(info, BytesIO(b"["))
    done = livefire("run", "--cluster", "kind", "--node-image", archive)
    assert done.code == 3
    assert "cannot be loaded" in done.err
    assert "Traceback" not in done.err


def test_no_disk(tmp_path: Path) -> None:
    small = Path("/run/livefire-test-disk")  # short: sockets lie below it
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", small], check=True)
    try:
        done = Livefire(small / "s")("run", "--cluster", "kind", "--recording", tmp_path / "r")
        assert done.code == 3
        assert "disk for kind: " in done.err
        assert "set LIVEFIRE_STATE" in done.err
    finally:
        subprocess.run(["umount", small], check=True)
        small.rmdir()


def test_a_node_that_is_killed_while_it_is_made(livefire: Livefire, tmp_path: Path) -> None:
    before = footprint()
    process = livefire.start("run", "--cluster", "kind", XDG_CACHE_HOME=_cache_with_kind(tmp_path))
    node = _wait_for_node(livefire, process)
    time.sleep(3)
    with docker_client(node[0]) as client:
        client.containers.get(node[1]).kill()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "Traceback" not in errors
    assert "The logs of the node are in" in errors
    assert changed(before) == {}


@pytest.mark.parametrize("seconds", [0.5, pytest.param(12, marks=pytest.mark.night)])
def test_clean_after_kill_9_while_the_cluster_is_made(livefire: Livefire, seconds: float) -> None:
    before = footprint()
    process = livefire.start("run", "--cluster", "kind")
    _wait_for_node(livefire, process)
    time.sleep(seconds)
    process.kill()
    process.communicate()
    done = livefire("clean")
    assert done.code == 0, done.err
    assert changed(before) == {}
    assert not livefire.state.exists()


def test_ctrl_c_while_the_cluster_is_made(livefire: Livefire) -> None:
    before = footprint()
    process = livefire.start("run", "--cluster", "kind")
    _wait_for_node(livefire, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert changed(before) == {}


def _wait_for_node(livefire: Livefire, process: subprocess.Popen[str]) -> tuple[Path, str]:
    """The daemon's socket and the name of the node, once its container runs."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        for socket in livefire.state.glob("lab-*/docker/docker.sock"):
            name = f"{socket.parent.parent.name}-control-plane"
            command = ["docker", "--host", f"unix://{socket}", "ps", "--quiet", "--filter", f"name={name}"]
            if subprocess.run(command, capture_output=True, text=True).stdout.strip():
                return socket, name
        time.sleep(0.2)
    raise AssertionError(f"no node came up: {process.communicate()[1] if process.poll() is not None else 'too slow'}")


def _cache_with_kind(tmp_path: Path) -> str:
    """A cache of the test's own with the kind binary and the node images of the user's, for what is put there."""
    cache = tmp_path / "cache/livefire"
    (cache / "kind").mkdir(parents=True)
    (cache / "kind/kind").symlink_to(find_kind())
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livefire/node-image"
    (cache / "node-image").symlink_to(user)
    return str(tmp_path / "cache")
