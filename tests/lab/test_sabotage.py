"""Each layer broken on purpose, on the real lab: each gives its own verdict, and never PROVEN."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.lab.conftest import PROJECT, Done, Livefire, fresh_livefire

EXECUTION = "T1059.013/docker-container-execution"
PRIVILEGED = "T1059.013/docker-privileged-container-creation"
SECRETS = "T1059.013/kubectl-secrets-enumeration"
CONTROL = "T1059.013/engineer-asks-for-versions"  # the benign run on which the rule must be silent
# Each capture's rules have a key of their own.
REMOVE = """rules=$(auditctl -l | grep key=livefire-run)
echo "$rules" | sed s/^-a/-d/ | while read -r rule; do auditctl $rule; done"""
PUT_BACK = 'echo "$rules" | while read -r rule; do auditctl $rule; done'


@pytest.fixture(scope="module")
def lab() -> Iterator[Livefire]:
    """One kept lab for all of these tests."""
    with fresh_livefire() as found:
        assert found("lab", "up").code == 0
        yield found
        assert found("lab", "down").code == 0


def sabotaged(folder: Path, atomic: str, before: str) -> Path:
    """The atomics, with commands put before those of one of them, and the benign ones as they are."""
    document = yaml.safe_load((PROJECT / "atomics/T1059.013/T1059.013.yaml").read_text())
    names = {EXECUTION: 0, PRIVILEGED: 1, SECRETS: 2}
    executor = document["atomic_tests"][names[atomic]]["executor"]
    executor["command"] = f"{before}\n{executor['command']}"
    atomics = folder / "atomics"
    atomics.mkdir()
    (atomics / "T1059.013.yaml").write_text(yaml.safe_dump(document))
    shutil.copy(PROJECT / "atomics/T1059.013/benign.yaml", atomics)
    return atomics


def run(lab: Livefire, folder: Path, atomic: str, before: str, **environment: str) -> Done:
    atomics = sabotaged(folder, atomic, before)
    return lab("run", atomic, "--atomics", atomics, "--recording", folder / "r", "--json", "-", **environment)


def test_the_audit_rule_removed_in_mid_run(lab: Livefire, tmp_path: Path) -> None:
    done = run(lab, tmp_path, EXECUTION, REMOVE)
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE"}, done.err
    assert done.code == 4
    problems = " ".join(done.result["results"][0]["health"][0]["problems"])
    assert "rule" in problems


def test_the_audit_rule_removed_and_put_back_around_the_attack(lab: Livefire, tmp_path: Path) -> None:
    done = run(lab, tmp_path, EXECUTION, f"{REMOVE}\n{PUT_BACK}")
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE"}, done.err
    assert "a rule was removed during the capture" in done.out


def test_auditd_stopped(lab: Livefire, tmp_path: Path) -> None:
    stop = "kill -KILL $(auditctl -s | awk '$1 == \"pid\" { print $2 }')"
    done = run(lab, tmp_path, EXECUTION, stop)
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE"}, done.err
    assert done.code == 4


def test_docker_replaced_by_a_script_that_prints_and_exits_0(lab: Livefire, tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "docker"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho root\n")
    fake.chmod(0o755)
    done = run(lab, tmp_path, EXECUTION, f"PATH={fake.parent}:$PATH")
    assert done.verdicts() == {EXECUTION: "NOT_EXECUTED"}, done.err
    assert done.code == 1


def test_the_api_server_answers_403(lab: Livefire, tmp_path: Path) -> None:
    forbid = "kubectl delete clusterrolebindings --selector=livefire.run; sleep 1; trap 'exit 0' EXIT"
    done = run(lab, tmp_path, SECRETS, forbid)
    assert done.verdicts() == {SECRETS: "NOT_EXECUTED"}, done.err
    assert done.code == 1


def test_a_decoy_is_no_credit_for_an_attack_that_did_not_happen(lab: Livefire, tmp_path: Path) -> None:
    """The very command of the atomic, by another process at the same time, while the atomic itself does nothing."""
    with decoys(lab):
        done = run(lab, tmp_path, PRIVILEGED, "sleep 2; exit 0")
    assert done.verdicts() == {PRIVILEGED: "NOT_EXECUTED"}, done.err
    assert done.code == 1
    assert done.result["background"]["alerts"]["container-cli-api"]


def test_a_decoy_beside_the_attack_is_an_alert_in_the_background(lab: Livefire, tmp_path: Path) -> None:
    with decoys(lab):
        done = run(lab, tmp_path, PRIVILEGED, "sleep 2")
    assert done.code == 1
    result = done.result["results"][0]
    assert result["fired"]["rows"] == 1
    assert done.result["background"]["alerts"]["container-cli-api"]
    created = {e["facts"]["ContainerId"] for e in result["signals"][1]["evidence"]}
    assert len(created) == 1


def test_two_nights_of_which_the_second_lost_a_sensor(lab: Livefire, tmp_path: Path) -> None:
    """The same atomic and rule on both; from outside, somebody removes the audit rule during the second."""
    assert lab("run", EXECUTION, "--recording", tmp_path / "old").code == 0
    with audit_rule_removed():
        assert lab("run", EXECUTION, "--recording", tmp_path / "new").code == 4
    done = lab("diff", tmp_path / "old", tmp_path / "new", "--json", "-")
    assert done.code == 1, done.err
    found = json.loads(done.out)
    regressions = {each["atomic"]: (each["before"], each["after"], each["cause"]) for each in found["regressions"]}
    before, after, _ = regressions.pop("proof of the rule")
    assert before == "proven"
    assert "no attack on which it fires is proven" in after
    # whether the control had ended when the rule went is a matter of milliseconds
    assert regressions.keys() <= {EXECUTION, CONTROL}
    assert regressions[EXECUTION] == ("PROVEN", "INCONCLUSIVE", "health")
    assert set(regressions.values()) == {("PROVEN", "INCONCLUSIVE", "health")}
    assert found["improvements"] == []


@contextlib.contextmanager
def audit_rule_removed() -> Iterator[None]:
    """Somebody else who removes the audit rule of a capture as soon as there is one."""
    done = threading.Event()

    def remove() -> None:
        listed = ["auditctl", "-l"]
        while not done.wait(0.02):
            listed_now = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
            if "key=livefire-run" in listed_now:
                key = re.search("key=(livefire-run-\\w+)", listed_now)
                assert key is not None
                subprocess.run(["auditctl", "-D", "-k", key[1]], capture_output=True, check=True)
                return

    thread = threading.Thread(target=remove)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class decoys:  # in lower case, since it reads as a statement: `with decoys(lab)`
    """Somebody else who runs the privileged container again and again, until the block ends."""

    def __init__(self, lab: Livefire) -> None:
        status = dict(line.split(maxsplit=1) for line in lab("lab", "status").out.splitlines())
        self._host = f"--host={status['DOCKER_HOST']}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        command = ["docker", self._host, "run", "--rm", "--privileged", "--net=host", "livefire/busybox:local", "id"]
        while not self._stop.wait(0.1):
            subprocess.run(command, capture_output=True, timeout=60, check=False)
