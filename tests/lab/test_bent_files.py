"""An attack that bends what a capture stands on: files, links to them, frozen groups. It costs itself at most."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import Livefire, changed, footprint, fresh_livefire
from tests.lab.test_sabotage import EXECUTION, PRIVILEGED, SECRETS, sabotaged

AUDIT_LOG = "log=$(echo {state}/run-*/auditd/audit.log)\n"
DAEMON_LOG = "log=$(echo {state}/lab-*/docker/dockerd.log)\n"
ASIDE = "mv $log $log.x; {make} $log; trap '{remove} $log; mv $log.x $log' EXIT; sleep 0.2"
ANOTHER = ASIDE.format(make="touch", remove="rm")
FIFO = ASIDE.format(make="mkfifo", remove="rm")
TOLD = "told=$(tr '\\0' '\\n' </proc/$PPID/environ | sed -n s/^LIVEFIRE_TOLD=//p); rm $told; mkdir $told"
LOCKED = "mkdir d; echo x >d/f; chattr +i d/f d"
GROUP = "/sys/fs/cgroup/freezer/livefire-test"
FROZEN = (
    f"if cd /sys/fs/cgroup/freezer; then mkdir {GROUP}; (sleep 4714 & echo $! >{GROUP}/cgroup.procs)"
    f"; sleep 0.2; echo FROZEN >{GROUP}/freezer.state; fi"
)
IMAGE = "trap 'docker image rm --force livefire/busybox:local' EXIT"
NEXT = "cd {state}/run-*; mkdir -p 1.sock/x; ln -s /etc atomic-1; cd"
FRONT = "trap 'cd {state}/lab-*/docker; BEND' EXIT"
BENT = ["rm docker.sock", "rm docker.sock; mkdir -p docker.sock/x", "mount --bind /dev/null docker.sock"]
LOG_OF_THE_SERVER = (
    "for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ 2>/dev/null | grep -q 'LIVEFIRE_OWNER=lab-.*/kube-apiserver$'"
    " && log=$(tr '\\0' '\\n' <$p/cmdline | sed -n s/^--audit-log-path=//p); done\n"
    "chattr +i $log; trap 'chattr -i $log; sleep 0.2' EXIT"
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Livefire]:
    """One kept lab for all of these tests, without a cluster. Nothing is left of it, nor of what was done to it."""
    before = footprint()
    with fresh_livefire() as found:
        found.environment["LIVEFIRE_CLUSTER"] = "none"
        assert found("lab", "up").code == 0
        yield found
        assert found("lab", "down").code == 0
    assert changed(before) == {}


@pytest.mark.parametrize(
    ("before", "verdict"),
    [
        pytest.param(AUDIT_LOG + ANOTHER, "PROVEN", id="audit log by another name"),
        pytest.param(DAEMON_LOG + ANOTHER, "PROVEN", id="daemon's log by another name"),
        pytest.param(AUDIT_LOG + FIFO, "INCONCLUSIVE", id="a FIFO for the audit log"),
        pytest.param(DAEMON_LOG + FIFO, "INCONCLUSIVE", id="a FIFO for the daemon's log"),
        pytest.param(TOLD, "INCONCLUSIVE", id="a folder for what the launcher tells"),
        pytest.param(LOCKED, "PROVEN", id="files that can't be removed"),
        pytest.param(FROZEN, "PROVEN", id="a process that is frozen"),
        pytest.param(NEXT, "PROVEN", id="what the next one needs is there already"),
        pytest.param(IMAGE, "PROVEN", id="the image of the lab is removed"),
    ],
)
def test_it_costs_itself_at_most_and_not_the_next(lab: Livefire, tmp_path: Path, before: str, verdict: str) -> None:
    atomics = sabotaged(tmp_path, EXECUTION, before.replace("{state}", str(lab.state)))
    done = lab("run", EXECUTION, PRIVILEGED, "--atomics", atomics, "--recording", tmp_path / "r", "--json", "-")
    if Path(GROUP).exists():  # the attack's own
        Path(GROUP).rmdir()
    assert done.verdicts() == {EXECUTION: verdict, PRIVILEGED: "PROVEN"}, done.err


@pytest.mark.parametrize("bend", BENT)
def test_what_stands_in_the_place_of_the_daemon_s_socket_costs_no_recording(
    livefire: Livefire, tmp_path: Path, bend: str
) -> None:
    before = footprint()
    atomics = sabotaged(tmp_path, EXECUTION, FRONT.replace("{state}", str(livefire.state)).replace("BEND", bend))
    livefire.environment["LIVEFIRE_CLUSTER"] = "none"
    done = livefire("run", EXECUTION, "--atomics", atomics, "--recording", tmp_path / "r", "--json", "-")
    assert done.verdicts()[EXECUTION] in ("PROVEN", "INCONCLUSIVE"), done.err
    assert "left behind" not in done.err
    assert changed(before) == {}


def test_an_audit_log_that_the_api_server_cannot_write_is_its_sensor_s_loss(livefire: Livefire, tmp_path: Path) -> None:
    atomics = sabotaged(tmp_path, SECRETS, LOG_OF_THE_SERVER)
    done = livefire("run", SECRETS, "--atomics", atomics, "--recording", tmp_path / "r", "--json", "-")
    assert done.verdicts() == {SECRETS: "INCONCLUSIVE"}, done.err
    assert "events to its audit log" in done.out
