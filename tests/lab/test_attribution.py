"""Whose doing it was, with real processes: an attack's is nobody else's, and a stranger's is not the attack's."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.proof.tables import build_tables
from harness.proof.tables.schema import Tables
from harness.recording import open_recording
from tests.lab.conftest import fresh_livefire

IMAGE = "livefire/busybox:local"
STRANGER, REAL = "stranger-on-the-gateway", "stranger-on-the-daemon"
TAKEN = (
    "t=$(kubectl create token there -n web)\n"
    "kubectl create serviceaccount made -n web && m=$(kubectl create token made -n web)\n"
    'for u in "$t" "$m"; do curl -sk -H "Authorization: Bearer $u" "$(kubectl config view -o '
    "jsonpath='{.clusters[0].cluster.server}')/api/v1/namespaces/web/secrets?who=taken\"; done; true"
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
    "waits": ("true", "sleep 3"),
    "takes a token": (
        "kubectl create serviceaccount there -n web",
        TAKEN,
    ),
}


def short(name: str) -> str:
    return f"T1059.013/{name.replace(' ', '-')}"


@dataclass
class Captured:
    """The tables of one capture, and the API version of the cluster."""

    tables: Tables

    def whose(self, table: str, **having: Any) -> set[str]:
        """The slices of the rows whose columns hold these texts."""
        rows = self.tables[table]
        found = {row["_Slice"] for row in rows if all(text in str(row[name]) for name, text in having.items())}
        assert found, having
        return found


def atomics(socket: str) -> str:
    text = "attack_technique: T1059.013\ndisplay_name: Whose\natomic_tests:\n"
    for number, (name, (before, command)) in enumerate(ATTACKS.items()):
        lines = command.replace("SOCKET", socket).splitlines()
        text += (
            f"  - name: {name.title()}\n    auto_generated_guid: 3b0f2c55-6f0e-4dd0-9a0c-0d6a1d8f5b{number:02}\n"
            "    description: Whose doing it is.\n    supported_platforms: [linux, containers]\n"
            "    dependency_executor_name: bash\n    dependencies:\n      - description: it is prepared\n"
            f"        prereq_command: |\n          {before}\n"
            "    executor:\n      name: bash\n      command: |\n" + "".join(f"        {line}\n" for line in lines)
        )
    return text


def intrude(state: Path, socket: str) -> None:
    """A stranger's two containers while `waits` runs: by that atomic's own socket, and by the daemon's."""
    number = list(ATTACKS).index("waits")
    deadline = time.monotonic() + 90
    while not (found := list(state.glob(f"run-*/{number}.sock"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    for address, word in ((str(found[0]), STRANGER), (socket, REAL)):
        subprocess.run(
            ["docker", "-H", f"unix://{address}", "run", "--rm", IMAGE, "echo", word], check=True, timeout=30
        )


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    folder = tmp_path_factory.mktemp("whose")
    with fresh_livefire() as lab:
        assert lab("lab", "up").code == 0
        status = dict(line.split(maxsplit=1) for line in lab("lab", "status").out.splitlines())
        socket = status["DOCKER_HOST"].removeprefix("unix://")
        (folder / "whose.yaml").write_text(atomics(socket))
        stranger = threading.Thread(target=intrude, args=(lab.state, socket))
        stranger.start()
        done = lab("capture", "--atomics", folder / "whose.yaml", "-o", folder / "r")
        stranger.join()
        assert done.code == 0, done.out + done.err
        assert subprocess.run(["docker", "-H", status["DOCKER_HOST"], "version"], capture_output=True).returncode == 0
        assert lab("lab", "down").code == 0
    recording = open_recording(folder / "r")
    return Captured(build_tables(recording.path, recording.manifest))


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


@pytest.mark.parametrize("word", [STRANGER, REAL])
def test_a_stranger_is_background_whichever_socket_it_uses(captured: Captured, word: str) -> None:
    for table, column in (("Auditd_CL", "CommandLine"), ("DockerDaemon_CL", "Command")):
        assert captured.whose(table, **{column: f"echo {word}"}) == {"background"}


def test_a_token_that_an_atomic_was_given_is_followed(captured: Captured) -> None:
    mine = {short("takes a token")}
    assert captured.whose("AKSAudit", RequestUri="who=taken", User="web:there") == mine
    assert captured.whose("AKSAudit", RequestUri="who=taken", User="web:made") == mine


def test_nothing_else_is_unclear(captured: Captured) -> None:
    unclear = [row for rows in captured.tables.values() for row in rows if row["_Slice"].startswith("ambiguous")]
    assert unclear == []
