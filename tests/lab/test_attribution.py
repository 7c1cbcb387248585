"""Whose doing it was, with real processes: an attack's is nobody else's, and a stranger's is not the attack's."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.recording import open_recording
from harness.telemetry.schema import Tables, ambiguous
from harness.telemetry.tables import build_tables
from tests.lab.conftest import fresh_livefire

IMAGE = "livefire/busybox:local"
STRANGER, REAL = "stranger-on-the-gateway", "stranger-on-the-daemon"
TAKEN = (
    "t=$(kubectl create token there -n web)\n"
    "kubectl create serviceaccount made -n web && m=$(kubectl create token made -n web)\n"
    'for u in "$t" "$m"; do curl -sk -H "Authorization: Bearer $u" "$(kubectl config view -o '
    "jsonpath='{.clusters[0].cluster.server}')/api/v1/namespaces/web/secrets?who=taken\"; done; true"
)
# Of the clients that are installed, one may lack the component.
BY_BUILDKIT = (
    f"printf 'FROM {IMAGE}\\nRUN echo by-step && id\\n' >Dockerfile\n"
    "for d in $(type -ap docker); do DOCKER_BUILDKIT=1 $d build --no-cache . && break; done"
)
# For each: what a shell runs beforehand, the attack, and the word in the command line of what it starts.
ATTACKS = {
    "leaves its session": ("true", f"bash -c 'echo 0 >/proc/self/loginuid; docker run --rm {IMAGE} echo left'; true"),
    "is another in place": ("true", f"echo 0 >/proc/self/loginuid; exec docker run --rm {IMAGE} echo replaced"),
    "calls the daemon itself": ("true", f"docker -H unix://SOCKET run --rm {IMAGE} echo direct"),
    "starts what was prepared": (
        f"docker container rm -f lf-prepared; docker create --name lf-prepared {IMAGE} echo prepared",
        "docker start --attach lf-prepared",
    ),
    "builds": ("true", f"printf 'FROM {IMAGE}\\nRUN echo built\\n' | DOCKER_BUILDKIT=0 docker build --no-cache -"),
    "builds by buildkit": ("true", BY_BUILDKIT),
    "makes a service": (
        "docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:0",
        f"docker service create --detach --restart-condition none --network host {IMAGE} echo service\nsleep 6",
    ),
    "waits": ("true", "for n in $(seq 200); do [ ! -e DONE ] || break; sleep 0.1; done"),
    "asks a resident by a FIFO": ("true", f"echo 'docker -H unix://SOCKET run --rm {IMAGE} echo fifo' >FIFO; sleep 3"),
    "asks a resident by a port": (
        "true",
        f"echo 'docker -H unix://SOCKET run --rm {IMAGE} echo port' >/dev/tcp/127.0.0.1/PORT; sleep 3",
    ),
    "takes a token": (
        "kubectl create serviceaccount there -n web",
        TAKEN,
    ),
}


CLEANUP = {
    "makes a service": "docker service rm $(docker service ls -q); docker swarm leave --force;"
    " docker network rm docker_gwbridge"
}


def short(name: str) -> str:
    return f"T1059.013/{name.replace(' ', '-')}"


@dataclass
class Captured:
    """The tables of one capture."""

    tables: Tables
    unclear: set[str]

    def whose(self, table: str, **having: Any) -> set[str]:
        """The slices of the rows whose columns hold these texts."""
        rows = self.tables[table]
        found = {row["_Slice"] for row in rows if all(text in str(row[name]) for name, text in having.items())}
        assert found, having
        return found


RESIDENT = """
import os, socket, subprocess, sys, threading
def obey(lines):
    for line in lines:
        subprocess.run(["sh", "-c", line])
def fifo():
    obey(open(os.open(sys.argv[1], os.O_RDWR)))
def port():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        obey(listener.accept()[0].makefile())
threading.Thread(target=fifo).start()
port()
"""


@contextlib.contextmanager
def resident(folder: Path) -> Iterator[dict[str, str]]:
    """A daemon that was there before, and does for everybody what it is asked to: where that is."""
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    daemon = subprocess.Popen([sys.executable, "-c", RESIDENT, fifo], stdout=subprocess.PIPE, text=True)
    try:
        assert daemon.stdout is not None
        yield {"FIFO": str(fifo), "PORT": daemon.stdout.readline().strip()}
    finally:
        daemon.kill()
        daemon.communicate()


def atomics(attacks: Mapping[str, tuple[str, str]], **places: str) -> str:
    text = "attack_technique: T1059.013\ndisplay_name: Whose\natomic_tests:\n"
    for number, (name, (before, command)) in enumerate(attacks.items()):
        for place, value in places.items():
            command = command.replace(place, value)
        lines = command.splitlines()
        text += (
            f"  - name: {name.title()}\n    auto_generated_guid: 3b0f2c55-6f0e-4dd0-9a0c-0d6a1d8f5b{number:02}\n"
            "    description: Whose doing it is.\n    supported_platforms: [linux, containers]\n"
            "    dependency_executor_name: bash\n    dependencies:\n      - description: it is prepared\n"
            f"        prereq_command: |\n          {before}\n"
            "    executor:\n      name: bash\n      command: |\n" + "".join(f"        {line}\n" for line in lines)
        )
        text += f"      cleanup_command: {CLEANUP[name]}\n" if name in CLEANUP else ""
    return text


def intrude(state: Path, socket: str, number: int, words: Sequence[str], done: Path | None = None) -> None:
    """A stranger's containers while `waits` runs: by the daemon's socket, and by that atomic's own. Then `done`."""
    deadline = time.monotonic() + 90
    while not (found := list(state.glob(f"run-*/{number}.sock"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    for address, word in zip((socket, str(found[0])), words, strict=False):
        subprocess.run(
            ["docker", "-H", f"unix://{address}", "run", "--rm", IMAGE, "echo", word], check=True, timeout=30
        )
    if done:
        done.touch()


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    folder = tmp_path_factory.mktemp("whose")
    with fresh_livefire() as lab, resident(folder) as places:
        assert lab("lab", "up").code == 0
        status = dict(line.split(maxsplit=1) for line in lab("lab", "status").out.splitlines())
        socket = status["DOCKER_HOST"].removeprefix("unix://")
        (folder / "whose.yaml").write_text(atomics(ATTACKS, SOCKET=socket, DONE=str(folder / "done"), **places))
        number = list(ATTACKS).index("waits")
        stranger = threading.Thread(target=intrude, args=(lab.state, socket, number, (REAL, STRANGER), folder / "done"))
        stranger.start()
        done = lab("capture", "--atomics", folder / "whose.yaml", "-o", folder / "r")
        stranger.join()
        assert done.code == 0, done.out + done.err
        assert subprocess.run(["docker", "-H", status["DOCKER_HOST"], "version"], capture_output=True).returncode == 0
        assert lab("lab", "down").code == 0
    return read(folder / "r")


def read(folder: Path) -> Captured:
    recording = open_recording(folder)
    tables = build_tables(recording.path, recording.manifest)
    unclear = {str(row["_Slice"]) for rows in tables.values() for row in rows if row["_Slice"].startswith("ambiguous")}
    return Captured(tables, unclear)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("leaves its session", "left"),
        ("is another in place", "replaced"),
        ("calls the daemon itself", "direct"),
    ],
)
def test_what_an_attack_does_is_its_own_however_it_goes_about_it(captured: Captured, name: str, word: str) -> None:
    mine = {short(name)}
    assert captured.whose("Auditd_CL", CommandLine=f"{IMAGE} echo {word}", Exe="docker") == mine
    assert captured.whose("Auditd_CL", Argv=f"['echo', '{word}']", InContainer="True") == mine
    assert captured.whose("DockerDaemon_CL", Command=f"echo {word}") == mine


def test_who_starts_a_container_is_not_who_made_it(captured: Captured) -> None:
    attack = short("starts what was prepared")
    assert captured.whose("DockerDaemon_CL", Command="echo prepared") == {"harness"}
    assert captured.whose("Auditd_CL", Argv="['echo', 'prepared']") == {attack}
    assert captured.whose("DockerDaemon_CL", ContainerName="lf-prepared", Action="start") == {attack}


def test_the_containers_of_a_build_are_the_builders(captured: Captured) -> None:
    assert captured.whose("Auditd_CL", Argv="echo built", InContainer="True") == {short("builds")}


def test_the_steps_of_a_build_by_buildkit_are_the_builders(captured: Captured) -> None:
    assert captured.whose("Auditd_CL", Argv="echo by-step", InContainer="True") == {short("builds by buildkit")}
    assert captured.whose("Auditd_CL", CommandLine="buildkit/executor", Exe="runc") == {short("builds by buildkit")}


def test_the_containers_of_a_service_are_its_makers(captured: Captured) -> None:
    mine = {short("makes a service")}
    assert captured.whose("Auditd_CL", Argv="['echo', 'service']", InContainer="True") == mine
    assert captured.whose("DockerDaemon_CL", Command="echo service", Action="create") == mine


@pytest.mark.parametrize("word", [STRANGER, REAL])
def test_a_stranger_is_background_whichever_socket_it_uses(captured: Captured, word: str) -> None:
    for table, column in (("Auditd_CL", "CommandLine"), ("DockerDaemon_CL", "Command")):
        assert captured.whose(table, **{column: f"echo {word}"}) == {"background"}


def test_a_token_that_an_atomic_was_given_is_followed(captured: Captured) -> None:
    mine = {short("takes a token")}
    assert captured.whose("AKSAudit", RequestUri="who=taken", User="web:there") == mine
    assert captured.whose("AKSAudit", RequestUri="who=taken", User="web:made") == mine


@pytest.mark.parametrize("way", ["fifo", "port"])
def test_what_a_resident_was_asked_for_is_neither_the_attacks_nor_a_strangers(captured: Captured, way: str) -> None:
    """None of the kernel's records says for whom it did that."""
    unclear = {ambiguous(short(f"asks a resident by a {way}"))}
    assert captured.whose("Auditd_CL", CommandLine=f"{IMAGE} echo {way}", Exe="docker") == unclear
    assert captured.whose("Auditd_CL", Argv=f"['echo', '{way}']", InContainer="True") == unclear
    assert captured.whose("DockerDaemon_CL", Command=f"echo {way}") == unclear


def test_nothing_else_is_unclear(captured: Captured) -> None:
    """But what a swarm does by itself some time after it was asked for, perhaps while the attack runs."""
    of_swarm = {ambiguous(short("makes a service"))}
    assert captured.unclear - of_swarm == {ambiguous(short(f"asks a resident by a {way}")) for way in ("fifo", "port")}
    rows = [row for table in captured.tables.values() for row in table if row["_Slice"] in of_swarm]
    assert {row.get("Message") for row in rows} <= {"network create", "node update"}


def test_a_process_that_was_there_before_is_known(captured: Captured) -> None:
    rows = [row for row in captured.tables["DeviceProcessEvents"] if "echo fifo" in row["ProcessCommandLine"]]
    shell = next(row for row in rows if row["ProcessCommandLine"].startswith("sh -c docker"))
    assert shell["InitiatingProcessFileName"].startswith("python")
    assert shell["InitiatingProcessCommandLine"] == ""
    assert shell["InitiatingProcessCreationTime"] < shell["Timestamp"]


HOST = {
    "calls the daemon past its gateway": ("true", f"docker -H unix://SOCKET run --rm {IMAGE} echo past"),
    "waits": ("true", "sleep 3"),
}


@pytest.fixture(scope="module")
def on_host(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    """On a daemon that is somebody else's, so that nothing stands before its socket."""
    folder = tmp_path_factory.mktemp("host")
    with fresh_livefire() as other, fresh_livefire() as lab:
        assert other("lab", "up", "--cluster", "none").code == 0
        status = dict(line.split(maxsplit=1) for line in other("lab", "status").out.splitlines())
        socket = status["DOCKER_HOST"].removeprefix("unix://")
        (folder / "host.yaml").write_text(atomics(HOST, SOCKET=socket))
        stranger = threading.Thread(target=intrude, args=(lab.state, socket, 1, (REAL,)))
        stranger.start()
        options = ["--docker", "host", "--cluster", "none", "--atomics", str(folder / "host.yaml")]
        done = lab("capture", *options, "-o", folder / "r", DOCKER_HOST=status["DOCKER_HOST"])
        stranger.join()
        assert done.code == 0, done.out + done.err
        assert other("lab", "down").code == 0
    return read(folder / "r")


def test_what_an_attack_asks_of_anothers_daemon_past_its_gateway_may_be_its_own(on_host: Captured) -> None:
    name = short("calls the daemon past its gateway")
    assert on_host.whose("Auditd_CL", CommandLine=f"{IMAGE} echo past", Exe="docker") == {name}
    assert on_host.whose("Auditd_CL", Argv="['echo', 'past']", InContainer="True") == {ambiguous(name)}
    assert on_host.whose("DockerDaemon_CL", Command="echo past") == {ambiguous(name)}


def test_a_stranger_on_anothers_daemon_is_background(on_host: Captured) -> None:
    for table, column in (("Auditd_CL", "CommandLine"), ("DockerDaemon_CL", "Command")):
        assert on_host.whose(table, **{column: f"echo {REAL}"}) == {"background"}
    assert on_host.unclear == {ambiguous(short("calls the daemon past its gateway"))}
