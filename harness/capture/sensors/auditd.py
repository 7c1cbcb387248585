"""The kernel's audit records of execve, by way of auditd: our own where none runs, else the running one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from harness.capture.process import base_environment, find_tool, run, start_daemon, tail
from harness.capture.sensors.base import MARK_TIMEOUT, Arrivals, canary_token, make_check, make_mark, now
from harness.capture.sensors.follower import LogFollower
from harness.capture.state import OwnedFolder
from harness.capture.wait import NotYet, wait_until
from harness.errors import LabUnavailable, SensorLost
from harness.model.manifest import Check, Mark, SensorRecord
from harness.recording import layout

KEY = "livefire"
BACKLOG = 8192
_RULES = [["-a", "always,exit", "-F", f"arch={a}", "-S", "execve,execveat", "-k", KEY] for a in ("b64", "b32")]
# auditd.conf(5): no rotation, nothing that stops the daemon or the machine, each record written at once.
_CONFIG = """log_file = {log}
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
    """Follows the audit log. There is one audit daemon a kernel, so a running one is used as it is."""

    name = "auditd"

    def __init__(self, owned: OwnedFolder, arrivals: Arrivals) -> None:
        self._owned = owned
        self._arrivals = arrivals
        self._follower: LogFollower | None = None
        self._marks: list[Mark] = []
        self._notes: list[str] = []
        self._before: Check | None = None
        self._pid = 0

    def start(self) -> None:
        """Start auditd if none runs, enlarge the backlog, add the rules."""
        auditctl = find_tool("auditctl", package="auditd")
        status = kernel_status()
        if status["enabled"] == 2:
            hint = "Its rules are locked until the next boot (auditctl -e 2)."
            raise LabUnavailable("the kernel's audit configuration is immutable", hint=hint)
        self._owned.ledger.add("audit_settings", enabled=status["enabled"], backlog_limit=status["backlog_limit"])
        log = self._running_log() if status["pid"] else self._start_daemon()
        if status["backlog_limit"] < BACKLOG:
            run([auditctl, "-b", str(BACKLOG)])
        run([auditctl, "-e", "1"])
        self._owned.ledger.add("audit_rules", key=KEY)
        for rule in _RULES:
            run([auditctl, *rule])
        self._follower = self._arrivals.follow(log, layout.AUDIT_LOG)
        self._follower.start()
        self._pid = kernel_status()["pid"]
        self._before = self._check()

    def _start_daemon(self) -> Path:
        folder = self._owned.path / "auditd"
        folder.mkdir(mode=0o700)
        log, output = folder / "audit.log", folder / "auditd.out"
        config = folder / "auditd.conf"
        config.touch(mode=0o600)
        config.write_text(_CONFIG.format(log=log))
        owner = f"{self._owned.id}/auditd"
        self._owned.ledger.add("daemon", owner=owner)
        process = start_daemon([find_tool("auditd"), "-n", "-c", folder], owner=owner, log=output)

        def registered() -> None:
            if process.poll() is not None:
                raise LabUnavailable(f"auditd ended with code {process.returncode}:\n  {tail(output)}")
            if kernel_status()["pid"] != process.pid or not log.exists():
                raise NotYet("not registered with the kernel")

        wait_until("auditd", registered, timeout=20, interval=0.02)
        self._notes.append("auditd was started for this capture")
        return log

    def _running_log(self) -> Path:
        self._notes.append("the running auditd was used")
        text = Path("/etc/audit/auditd.conf").read_text()
        match = re.search(r"^\s*log_file\s*=\s*(\S+)", text, re.MULTILINE)
        return Path(match[1] if match else "/var/log/audit/audit.log")

    def mark(self, label: str) -> Mark:
        """Execute `true` with a token as its argument; auditd keeps the order, so what came before is there."""
        assert self._follower is not None
        token, emitted = canary_token(), now()
        subprocess.run([find_tool("true"), token], env=base_environment(), check=True, timeout=10)
        mark = make_mark(label, token, emitted, self._follower.seen(token, MARK_TIMEOUT))
        self._marks.append(mark)
        return mark

    def drain(self) -> SensorRecord:
        """Check once more and stop following. The rules and the daemon go when the ledger is undone."""
        assert self._follower is not None
        assert self._before is not None
        after = self._check(lost_before=self._before.readings["lost"])
        self._follower.stop()
        if self._follower.problems:
            after = make_check(after.readings, after.problems + self._follower.problems)
        return SensorRecord(
            name="auditd",
            files=[layout.AUDIT_LOG],
            before=self._before,
            after=after,
            marks=self._marks,
            notes=self._notes,
        )

    def _check(self, lost_before: str | int | bool | None = None) -> Check:
        problems = []
        try:
            status, rules = kernel_status(), run([find_tool("auditctl"), "-l"]).output
        except LabUnavailable as error:
            return make_check({"lost": None}, [f"auditctl: {error.message}"])
        ours = [line for line in rules.splitlines() if f"key={KEY}" in line and "execve" in line]
        if len(ours) < len(_RULES):
            problems.append(f"{len(_RULES) - len(ours)} of {len(_RULES)} audit rules are not in place")
        if not status["enabled"]:
            problems.append("the kernel's audit is switched off")
        if not status["pid"]:
            problems.append("no audit daemon is registered with the kernel")
        elif status["pid"] != self._pid:
            problems.append(f"the audit daemon changed from pid {self._pid} to {status['pid']}")
        if lost_before is not None and status["lost"] > int(lost_before):
            problems.append(f"the kernel lost {status['lost'] - int(lost_before)} audit records")
        readings: dict[str, str | int | bool | None] = {**status, "rules": len(ours)}
        return make_check(readings, problems)


def kernel_status() -> dict[str, int]:
    """`auditctl -s` as numbers: enabled, failure, pid, rate_limit, backlog_limit, lost, backlog, … (auditctl(8))."""
    found = {}
    for line in run([find_tool("auditctl", package="auditd"), "-s"]).output.splitlines():
        name, _, value = line.partition(" ")
        if value.strip().isdigit():
            found[name] = int(value)
    if not {"enabled", "pid", "lost", "backlog_limit"} <= found.keys():
        raise SensorLost("the kernel's audit status cannot be read: are we root in the first namespaces?")
    return found
