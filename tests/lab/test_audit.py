"""The kernel's audit touched by an attack or by others: never blamed on the rule, named, and put back as it was."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.sensors.auditd.audit_sensor import CONFIG, kernel_status
from harness.sensors.auditd.audit_state import audit_daemon
from tests.lab.conftest import Livefire, fresh_livefire
from tests.lab.test_sabotage import EXECUTION, PRIVILEGED, REMOVE, run

NO_DOCKER = "never,exit -F arch=b64 -S execve -F exe={}"
# In their order, one with the key that others may use, too.
FOREIGN = [
    "-a always,exit -F arch=b64 -S openat -F auid=1 -k livefire",
    "-a never,exit -F arch=b64 -S execve -F exe=/usr/bin/docker",
    "-a never,exit -F arch=b64 -S execve -F auid=0",
    "-w /etc/shadow -p wa -k identity",
    "-a always,exclude -F msgtype=CRYPTO_KEY_USER",
]


def auditctl(*words: str) -> str:
    return subprocess.run(["auditctl", *words], capture_output=True, text=True, check=True).stdout


def audit() -> str:
    """Rules and settings, as anybody would look at them."""
    kept = ("enabled", "failure", "rate_limit", "backlog_limit", "backlog_wait_time ")
    return auditctl("-l") + "".join(line for line in auditctl("-s").splitlines(True) if line.startswith(kept))


@contextlib.contextmanager
def rules(*wanted: str) -> Iterator[str]:
    """Somebody else's rules; yields what the audit looks like with them."""
    for rule in wanted:
        auditctl(*rule.split())
    try:
        yield audit()
    finally:
        subprocess.run(["auditctl", "-D"], capture_output=True, check=True)


@pytest.fixture(scope="module")
def lab() -> Iterator[Livefire]:
    """One kept lab for all of these tests, without a cluster."""
    with fresh_livefire() as found:
        found.environment["LIVEFIRE_CLUSTER"] = "none"
        assert found("lab", "up").code == 0
        yield found
        assert found("lab", "down").code == 0


def problems(done: object) -> str:
    health = done.result["results"][0]["health"]  # type: ignore[attr-defined]
    return " ".join(text for each in health for text in each["problems"])


def test_foreign_rules_behind_ours_do_no_harm_and_stay_in_their_order(lab: Livefire, tmp_path: Path) -> None:
    with rules(*FOREIGN) as before:
        done = lab("run", EXECUTION, "--recording", tmp_path / "r", "--json", "-")
        assert audit() == before
    assert done.verdicts() == {EXECUTION: "PROVEN"}, done.err


def test_foreign_rules_are_put_back_after_kill_9(livefire: Livefire, tmp_path: Path) -> None:
    with rules(*FOREIGN) as before:
        process = livefire.start("run", EXECUTION, "--cluster", "none", "--recording", tmp_path / "r")
        while "livefire-run" not in audit():
            time.sleep(0.02)
        auditctl("-A", *NO_DOCKER.format("/bin/sh").split())  # as an attack might
        process.kill()
        process.communicate()
        assert audit() != before
        assert livefire("clean").code == 0
        assert audit() == before


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("-a always,exclude -F msgtype=EXECVE", "-a always,exclude -F msgtype=EXECVE"),
        ("-a never,task -F uid=4242", "-a never,task -F uid=4242"),
        ("-a always,exclude -F auid=unset", "-a always,exclude -F auid=unset"),
    ],
)
def test_a_filter_that_cannot_be_outranked_is_named(lab: Livefire, tmp_path: Path, rule: str, said: str) -> None:
    with rules(rule) as before:
        done = lab("run", EXECUTION, "--recording", tmp_path / "r", "--json", "-")
        doctor = lab("doctor").out
        assert audit() == before
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE"}, done.err
    assert done.code == 4
    assert said in problems(done)
    assert said in doctor


def test_a_filter_that_hides_containers_alone_hides_a_canary_in_one(lab: Livefire, tmp_path: Path) -> None:
    """Attacks have a login uid, containers have none."""
    with rules("-a always,exclude -F auid=unset"):
        done = lab("run", EXECUTION, "--recording", tmp_path / "r", "--json", "-")
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE"}, done.err
    for when in ("before", "after"):
        assert f"the canary in a container, {when} the attack, is not in the log" in problems(done)


def test_a_container_for_canaries_that_an_attack_ends_is_started_again(lab: Livefire, tmp_path: Path) -> None:
    end = "for p in /proc/[0-9]*; do [ -p $p/root/tell ] && kill -KILL ${p#/proc/}; done"
    done = run(lab, tmp_path, EXECUTION, end)
    assert done.verdicts() == {EXECUTION: "PROVEN"}, done.err
    assert len(json.loads((tmp_path / "r/manifest.json").read_text())["harness_containers"]) == 2


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("auditctl -A " + NO_DOCKER.format("$(command -v docker)"), "a rule was added: -a never,exit"),
        ("auditctl -A never,exit -F arch=b64 -S execve -F auid=0", "-F auid=0"),
        ("auditctl -b 9000", "'backlog_limit' was changed from 8192 to 9000"),
        ("auditctl -e 0; auditctl -e 1", "audit was switched off"),
        (f"auditctl -a always,exclude -F msgtype=CONFIG_CHANGE\n{REMOVE}", "a rule was removed"),
    ],
)
def test_what_an_attack_does_to_the_audit_is_named(lab: Livefire, tmp_path: Path, before: str, said: str) -> None:
    was = audit()
    done = run(lab, tmp_path, EXECUTION, before)
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE"}, done.err
    assert done.code == 4
    assert said in problems(done)
    assert f"{EXECUTION} executed: auditctl" in problems(done)
    assert audit() == was


def test_rules_taken_away_and_put_back_around_the_attack_without_a_word_of_the_kernel(
    lab: Livefire, tmp_path: Path
) -> None:
    hide = "auditctl -a always,exclude -F msgtype=CONFIG_CHANGE"
    around = f"""{hide}\n{REMOVE}
trap 'echo "$rules" | while read -r rule; do auditctl $rule; done; {hide.replace("-a", "-d")}' EXIT"""
    done = run(lab, tmp_path, EXECUTION, around)
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE"}, done.err
    assert "a rule was removed" in problems(done)


def test_an_attack_that_takes_the_rules_away_costs_itself_and_not_the_next(lab: Livefire, tmp_path: Path) -> None:
    from tests.lab.test_sabotage import sabotaged

    atomics = sabotaged(tmp_path, EXECUTION, REMOVE)
    done = lab("run", EXECUTION, PRIVILEGED, "--atomics", atomics, "--recording", tmp_path / "r", "--json", "-")
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE", PRIVILEGED: "PROVEN"}, done.err


def test_the_pid_of_a_dead_auditd_is_no_auditd(lab: Livefire, tmp_path: Path) -> None:
    daemon = subprocess.Popen(["auditd", "-n"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while kernel_status()["pid"] != daemon.pid:
        time.sleep(0.02)
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.wait()
    assert kernel_status()["pid"] == daemon.pid  # the kernel has not heard of it
    done = lab("run", EXECUTION, "--recording", tmp_path / "r", "--json", "-")
    auditctl("-e", "0")  # auditd had switched it on
    assert done.verdicts() == {EXECUTION: "PROVEN"}, done.err


@contextlib.contextmanager
def hosts_auditd(folder: Path, *options: str) -> Iterator[list[str]]:
    """An auditd of somebody's, with a configuration of its own; yields its command. Whichever runs then is ended."""
    config = folder / "auditd.conf"
    config.write_text(CONFIG.format(log=folder / "audit.log"))
    enabled = kernel_status()["enabled"]
    command = ["auditd", *options, "-c", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: auditd() != 0)
        yield command
    finally:
        if pid := auditd():
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()
        until(lambda: auditd() == 0)
        auditctl("-e", str(enabled))


def until(holds: Callable[[], bool]) -> None:
    """Until it holds, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def auditd() -> int:
    """The pid of the auditd that runs; 0 for none."""
    pid = kernel_status()["pid"]
    return pid if pid and audit_daemon(pid) == "auditd" else 0


KILL_AUDITD = "kill -KILL $(auditctl -s | awk '$1 == \"pid\" { print $2 }')"


def test_the_hosts_auditd_that_an_attack_kills_runs_again(lab: Livefire, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    with hosts_auditd(tmp_path / "etc") as command:
        before = auditd()
        done = run(lab, tmp_path, EXECUTION, KILL_AUDITD)
        assert auditd() not in (0, before)
        words = Path(f"/proc/{auditd()}/cmdline").read_text().split("\0")[1:-1]
        assert words == command[1:]
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE"}, done.err
    assert done.code == 4, done.err
    assert "no audit daemon is registered" in problems(done)


def test_one_that_somebody_watches_over_is_his_to_start_and_that_is_told(lab: Livefire, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    with hosts_auditd(tmp_path / "etc", "-n"):
        done = run(lab, tmp_path, EXECUTION, KILL_AUDITD)
        assert done.code == 3
        assert "the host's 'auditd -n" in done.err
        assert "was ended during the capture: start it again" in done.err
    with hosts_auditd(tmp_path / "etc", "-n"):
        assert lab("clean").code == 0


def test_the_hosts_auditd_that_an_attack_pauses_goes_on(lab: Livefire, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    with hosts_auditd(tmp_path / "etc"):
        done = run(lab, tmp_path, EXECUTION, KILL_AUDITD.replace("-KILL", "-STOP"))
        state = Path(f"/proc/{auditd()}/stat").read_text().rpartition(")")[2].split()[0]
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE"}, done.err
    assert "the audit daemon was stopped" in problems(done)
    assert state == "S"


def test_a_flood_while_auditd_is_stopped_is_the_sensor_s_loss_though_the_count_is_set_back(
    lab: Livefire, tmp_path: Path
) -> None:
    flood = """pid=$(auditctl -s | awk '$1 == "pid" { print $2 }'); kill -STOP $pid
auditctl --backlog_wait_time 0; for i in $(seq 3000); do /bin/true; done
kill -CONT $pid; auditctl --reset-lost; auditctl --backlog_wait_time 15000"""
    done = run(lab, tmp_path, EXECUTION, flood)
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE"}, done.err
    assert "the audit daemon was stopped" in problems(done)
    assert "events are missing before serial" in problems(done)
    assert "the count of lost records was set back" in problems(done)
