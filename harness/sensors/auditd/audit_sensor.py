"""The kernel's audit records of executions, births and contacts, from the running auditd or else from our own."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

from harness.errors import LabUnavailable, LivefireError
from harness.host.daemons import check_runs, start_recorded
from harness.host.owned_folders import OwnedFolder
from harness.host.process import base_environment, find_tool
from harness.host.waiting import NotYet, wait_until
from harness.lab.docker.canary_container import canary_container
from harness.lab.docker.docker_host import DockerHost
from harness.model.manifest import Check, Mark, SensorRecord
from harness.recording import layout
from harness.sensors.auditd.alive import write_alive
from harness.sensors.auditd.audit_daemon import description
from harness.sensors.auditd.audit_kernel import AuditKernel
from harness.sensors.auditd.audit_rules import birth_rules, contact_rules, exec_rules
from harness.sensors.auditd.audit_state import AuditState, audit_daemon
from harness.sensors.auditd.audit_watch import AuditWatch
from harness.sensors.log_follower import LogFollower
from harness.sensors.sensor import Arrivals, Patience, canary_token, make_check, make_mark, now

BACKLOG = 8192
# auditd.conf(5): no rotation, no action that stops the daemon or the machine, each record written at once.
CONFIG = """log_file = {log}
log_format = RAW
log_group = root
flush = INCREMENTAL_ASYNC
freq = 50
num_logs = 0
max_log_file = 0
max_log_file_action = IGNORE
space_left = 50
space_left_action = IGNORE
admin_space_left = 25
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
local_events = yes
write_logs = yes
name_format = NONE
"""


class AuditdSensor:
    """Follows the audit log. A kernel has one audit daemon, so a running one is used as it is."""

    name = "auditd"

    def __init__(self, owned: OwnedFolder, arrivals: Arrivals, host: DockerHost | None, lab: str) -> None:
        self._owned = owned
        self._ours = (owned.id, lab)
        self._container = canary_container(owned, host)
        self._arrivals = arrivals
        self._follower: LogFollower | None = None
        self._watch: AuditWatch | None = None
        self._patience = Patience()
        self._patience_inside = Patience()
        self._marks: list[Mark] = []
        self._notes: list[str] = []
        self._before: Check | None = None

    @property
    def containers(self) -> list[str]:
        """The ids of the containers that were started for canaries."""
        return self._container.ids if self._container else []

    def start(self) -> None:
        """Start auditd if none runs, enlarge the backlog, put our rules before all others."""
        find_tool("auditctl", package="auditd")
        with AuditKernel() as kernel:
            before = AuditState.read(kernel).without_livefire()
            if dict(before.settings)["enabled"] == 2:
                hint = "Its rules are locked until the next boot (auditctl -e 2)."
                raise LabUnavailable("the kernel's audit configuration is immutable", hint=hint)
            self._owned.ledger.add("audit", **before.to_ledger())
            pid = running_daemon(kernel)
            log = self._running_log(pid) if pid else self._start_daemon(kernel)
            self._watch = self._set_up(kernel, before)
        self._watch.start()
        self._follower = self._arrivals.follow(log, layout.AUDIT_LOG)
        self._follower.start()
        # after births are followed, so that no process is missed in between
        alive = write_alive(self._arrivals.file(layout.ALIVE), self._ours)
        self._before = make_check(self._readings() | {"alive": alive}, self._watch.take())

    def _set_up(self, kernel: AuditKernel, before: AuditState) -> AuditWatch:
        settings = dict(before.settings)
        needed = {"backlog_limit": max(BACKLOG, settings["backlog_limit"]), "rate_limit": 0, "enabled": 1}
        kernel.set({name: value for name, value in needed.items() if settings.get(name) != value})
        AuditState(before.rules, ()).put_back(kernel)  # without the rules of a killed capture
        key = f"livefire-{self._owned.id}"
        ours = [*exec_rules(key), *birth_rules(key), *contact_rules(key)]
        for rule in reversed(ours):
            kernel.add(rule, first=True)
        return AuditWatch(AuditState.read(kernel), ours, kernel.status()["pid"])

    def _start_daemon(self, kernel: AuditKernel) -> Path:
        folder = self._owned.path / "auditd"
        folder.mkdir(mode=0o700)
        log, output = folder / "audit.log", folder / "auditd.out"
        config = folder / "auditd.conf"
        config.touch(mode=0o600)
        config.write_text(CONFIG.format(log=log))
        process = start_recorded(self._owned, "auditd", [find_tool("auditd"), "-n", "-c", folder], log=output)

        def registered() -> None:
            check_runs("auditd", process, output)
            if kernel.status()["pid"] != process.pid or not log.exists():
                raise NotYet("not registered with the kernel")

        wait_until("auditd", registered, timeout=20, interval=0.02)
        self._notes.append("auditd was started for this capture")
        return log

    def _running_log(self, pid: int) -> Path:
        self._notes.append("the running auditd was used")
        self._owned.ledger.add("audit_daemon", **description(pid))
        text = (_configuration(pid) / "auditd.conf").read_text()
        match = re.search(r"^\s*log_file\s*=\s*(\S+)", text, re.MULTILINE)
        return Path(match[1] if match else "/var/log/audit/audit.log")

    def mark(self, label: str) -> Mark:
        """Put back what was changed, then execute `true TOKEN`, and the same in a container with another token.

        auditd keeps the order: when the token is in the log, all records before it are, too.
        """
        assert self._follower is not None
        assert self._watch is not None
        problems = self._watch.take_and_put_back() + self._follower.take_problems()
        token, inside, emitted = canary_token(), canary_token(), now()
        missed = self._container.execute(inside) if self._container else ""
        subprocess.run([find_tool("true"), token], env=base_environment(), check=True, timeout=10)
        seen = self._patience.wait(lambda seconds: self._seen(token, seconds))
        if self._container and seen is not None and not missed:
            self._patience_inside.wait(lambda seconds: self._seen(inside, seconds))
        readings = self._readings() | ({"no canary in a container": missed} if missed else {})
        mark = make_mark(label, token, emitted, seen, readings, problems)
        contained = None if self._container is None else "" if missed else inside
        self._marks.append(mark.model_copy(update={"contained": contained}))
        return self._marks[-1]

    def _seen(self, token: str, timeout: float) -> float | None:
        assert self._follower is not None
        return self._follower.seen(token, timeout)

    def drain(self) -> SensorRecord:
        """Look once more and stop following. The rules and the daemon go when the ledger is undone."""
        assert self._follower is not None
        assert self._watch is not None
        assert self._before is not None
        problems, readings = self._watch.take(), self._readings()
        self._watch.stop()
        self._follower.stop()
        return SensorRecord(
            name="auditd",
            files=[layout.AUDIT_LOG],
            before=self._before,
            after=make_check(readings, problems + self._follower.take_problems()),
            marks=self._marks,
            notes=self._notes,
        )

    def _readings(self) -> dict[str, str | int | bool | None]:
        """The kernel's settings and counts, `lost` as AuditWatch sums it up, and the bytes copied of the log."""
        assert self._watch is not None
        readings: dict[str, str | int | bool | None] = {}
        try:
            with AuditKernel() as kernel:
                readings |= kernel.status()
                rules = kernel.rules()
            readings |= {"rules": len(rules), "rules_digest": hashlib.sha256(b"".join(rules)).hexdigest()}
        except LivefireError as error:
            readings["kernel"] = error.message
        return readings | {"lost": self._watch.lost, "copied": self._follower.copied if self._follower else 0}


def running_daemon(kernel: AuditKernel) -> int:
    """The pid of the running auditd; 0 where none runs, even if the kernel still has a pid.

    Raises LabUnavailable where another program is the audit daemon, since a kernel has only one.
    """
    pid = kernel.status()["pid"]
    if not pid or audit_daemon(pid) == "auditd":
        return pid
    kernel.forget_daemon()
    left = kernel.status()["pid"]
    if left:
        name = audit_daemon(left) or "another program"
        hint = "A kernel has one audit daemon: end it for the time of the capture, or run auditd in its place."
        raise LabUnavailable(f"the kernel's audit records go to {name} (pid {left})", hint=hint)
    return 0


def _configuration(pid: int) -> Path:
    """The folder of a running auditd's configuration (auditd(8), -c)."""
    words = [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]
    given = words[words.index("-c") + 1] if "-c" in words[:-1] else "/etc/audit"
    return Path(f"/proc/{pid}/cwd").resolve() / given


def kernel_status() -> dict[str, int]:
    """The kernel's settings and counts: enabled, failure, pid, rate_limit, backlog_limit, lost, backlog, …"""
    with AuditKernel() as kernel:
        return kernel.status()
