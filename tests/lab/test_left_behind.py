"""What an atomic leaves on the machine is put back after it, and after kill -9 by `clean`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from harness.lab.docker.docker_api import docker_client
from harness.lab.docker.image import REFERENCE
from harness.lab.sysctl import SWARM
from tests.lab.conftest import Livefire, changed, footprint, fresh_livefire

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
    assert changed(before) == {}


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
    assert changed(before) == {}


# Everything that an atomic can make on a Docker host and leave there, but for what a swarm is.
MAKING = """\
docker network create --label made left-network
docker volume create left-volume
docker run --detach --name left-box --network left-network --volume implied:/data --volume SOCKET:/bound \\
  livefire/busybox:local sleep 600
docker tag livefire/busybox:local left/tag:1
printf 'FROM livefire/busybox:local\\nRUN echo made >/made\\n' >Dockerfile
DOCKER_BUILDKIT=0 docker build --network none .
DOCKER_BUILDKIT=0 docker build --network none --tag left/built:1 .
docker commit left-box; docker commit left-box left/commit:1
docker save left/tag:1 | sed s/x/x/ | docker load
docker export left-box | docker import - left/imported:1
docker ps""".replace("\\\n  ", "")


def made_in(client: docker.DockerClient) -> dict[str, list[str]]:
    """All that is there, by id or name."""
    return {
        "containers": sorted(str(each.id) for each in client.containers.list(all=True)),
        "networks": sorted(str(each.id) for each in client.networks.list()),
        "volumes": sorted(str(each.id) for each in client.volumes.list()),
        "images": sorted(f"{each.id} {each.tags}" for each in client.images.list(all=True)),
        "swarm": [client.info()["Swarm"]["LocalNodeState"]],
    }


def outside(found: dict[str, Any]) -> dict[str, Any]:
    """Without what a lab that is up makes for itself as it goes: it is gone with the lab."""
    return {name: value for name, value in found.items() if name not in ("files", "cgroups")}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A path for a bind mount, of which nothing is there."""
    place = Path("/run/livefire-left")
    assert not place.exists()
    yield place / "sub/docker.sock"
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def lab(livefire: Livefire) -> tuple[Livefire, Path]:
    """A lab that is kept, and the socket of its daemon."""
    assert livefire("lab", "up", "--cluster", "none").code == 0
    status = dict(line.split(maxsplit=1) for line in livefire("lab", "status").out.splitlines())
    return livefire, Path(status["DOCKER_HOST"].removeprefix("unix://"))


def test_what_an_atomic_made_on_a_kept_host_is_gone_after_it(
    lab: tuple[Livefire, Path], folder: Path, tmp_path: Path
) -> None:
    livefire, socket = lab
    before = outside(footprint())
    with docker_client(socket) as client:
        there = made_in(client)
        done = livefire(*options(tmp_path, *MAKING.replace("SOCKET", str(folder)).splitlines()))
        assert done.code == 0, done.err
        assert manifest(tmp_path)["detonations"][0]["attack"]["exit_code"] == 0
        assert made_in(client) == there
    assert not folder.parents[1].exists()
    assert changed(before, lambda: outside(footprint())) == {}


@pytest.fixture
def as_before_any_swarm() -> Iterator[None]:
    """What the Docker daemon sets for a swarm may have been set before: then a change of it can't be seen."""
    files = {name: Path("/proc/sys", *name.split(".")) for name in SWARM}
    before = {name: file.read_text() for name, file in files.items()}
    for name, value in zip(SWARM, ("127", "511", "1023"), strict=True):
        files[name].write_text(value)
    yield
    for name in reversed(SWARM):
        files[name].write_text(before[name])


@pytest.mark.usefixtures("as_before_any_swarm")
def test_a_swarm_is_left_again(lab: tuple[Livefire, Path], tmp_path: Path) -> None:
    livefire, socket = lab
    before = outside(footprint())
    with docker_client(socket) as client:
        there = made_in(client)
        done = livefire(*options(tmp_path, "docker swarm init --advertise-addr 127.0.0.1"))
        assert done.code == 0, done.err
        assert manifest(tmp_path)["detonations"][0]["attack"]["exit_code"] == 0
        assert made_in(client) == there
    assert changed(before, lambda: outside(footprint())) == {}


def test_what_an_atomic_made_is_gone_after_kill_9_and_clean(livefire: Livefire, folder: Path, tmp_path: Path) -> None:
    before = footprint()
    making = MAKING.replace("SOCKET", str(folder)).splitlines()[:-1]
    process = livefire.start(*options(tmp_path, *making, "docker swarm init --advertise-addr 127.0.0.1", "sleep 4714"))
    wait_for(lambda: executing(b"sleep\x004714\x00") and Path("/sys/class/net/docker_gwbridge").exists(), process)
    process.kill()
    process.communicate()
    assert folder.is_dir()
    done = livefire("clean")
    assert done.code == 0, done.err
    assert not folder.parents[1].exists()
    assert changed(before) == {}


def test_on_another_s_host_what_an_atomic_made_is_gone_and_what_was_there_stays(
    lab: tuple[Livefire, Path], folder: Path, tmp_path: Path
) -> None:
    _, socket = lab  # another state folder's: foreign to the Livefire under test
    with docker_client(socket) as client, fresh_livefire() as other:
        client.images.get(REFERENCE).tag("theirs/box", "1")
        client.volumes.create("left-volume")  # the atomic creates it once more, which changes nothing
        client.networks.create("theirs")
        client.containers.create(REFERENCE, ["true"], volumes=["theirs:/data"])
        there = made_in(client)
        making = MAKING.replace("SOCKET", str(folder)).replace("volume implied", "volume theirs").splitlines()
        arguments = options(tmp_path, *making, "docker network connect theirs left-box")
        done = other(*arguments, "--docker", "host", DOCKER_HOST=f"unix://{socket}")
        assert done.code == 0, done.err
        assert manifest(tmp_path)["detonations"][0]["attack"]["exit_code"] == 0
        assert made_in(client) == there
        killed = other.start(*arguments[:-1], tmp_path / "k", "--docker", "host", DOCKER_HOST=f"unix://{socket}")
        wait_for(lambda: client.containers.list(filters={"name": "left-box"}), killed)
        killed.kill()
        killed.communicate()
        assert other("clean").code == 0
        assert made_in(client) == there
    assert not folder.parents[1].exists()


def wait_for(what: Any, process: Any) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_next_run_in_another_state_folder_heals_what_a_killed_one_left(livefire: Livefire, tmp_path: Path) -> None:
    before = footprint()
    with fresh_livefire() as dead:
        killed = dead.start(*options(tmp_path, ESCAPED, "docker network create left-network", "sleep 4714"))
        wait_for(lambda: executing(b"sleep\x004714\x00"), killed)
        killed.kill()
        killed.communicate()
        left = sorted(path.name for path in dead.state.iterdir() if path.name.startswith(("run-", "lab-", "tmp-")))
        assert len(left) == 3
        (tmp_path / "next").mkdir()
        done = livefire(*options(tmp_path / "next", "docker ps"))
        assert done.code == 0, done.err
        assert all(name in done.err for name in left)
        assert {path.name for path in dead.state.iterdir()} <= {"made-by-livefire", "livefire.lock"}
    assert escaped() == []
    assert changed(before) == {}


def test_a_rule_that_blinds_audit_is_gone_after_kill_9_and_clean(livefire: Livefire, tmp_path: Path) -> None:
    before = footprint()
    rule = "auditctl -A never,exit -F arch=b64 -S execve -F exe=/usr/bin/docker"
    process = livefire.start(*options(tmp_path, rule, "sleep 4714"))
    wait_for(lambda: executing(b"sleep\x004714\x00"), process)
    process.kill()
    process.communicate()
    assert footprint()["rules"] != before["rules"]
    assert livefire("clean").code == 0
    assert changed(before) == {}
