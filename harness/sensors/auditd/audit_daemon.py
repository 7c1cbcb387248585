"""The host's own auditd, which a capture uses where one runs. After the capture it must run as before."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path

from harness.errors import LabUnavailable
from harness.host.kinds import Foreign, Whose, undoes
from harness.host.process import find_tool, run
from harness.host.waiting import NotYet, wait_until
from harness.sensors.auditd.audit_kernel import AuditKernel
from harness.sensors.auditd.audit_state import audit_daemon, boot_id

_UNIT = "auditd.service"
_FOREGROUND = "-n"  # auditd(8): it does not fork, so a supervisor runs it
_OPTIONS = {"-f", "-l", "-n", "-s", "-c"}
_LONGEST = 10.0


def description(pid: int) -> dict[str, object]:
    """How the auditd with this pid was started, for the ledger."""
    words = [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]
    unit = _UNIT in Path(f"/proc/{pid}/cgroup").read_text()
    folder = str(Path(f"/proc/{pid}/cwd").resolve())
    return {"arguments": words[1:], "folder": folder, "unit": unit, "boot": boot_id()}


@undoes("audit_daemon")
def run_on(whose: Whose, arguments: list[str], folder: str, unit: bool, boot: str) -> None:
    """Start the host's auditd again where it was ended; continue it where it was stopped.

    An auditd with a supervisor is left to that to start. Raises LabUnavailable where it does not run after that.
    """
    if any(word.startswith("-") and word not in _OPTIONS for word in arguments) or not Path(folder).is_absolute():
        raise Foreign("no auditd is started this way")
    if boot != boot_id():
        return
    with AuditKernel() as kernel:
        if pid := _running(kernel):
            os.kill(pid, signal.SIGCONT)  # has no effect where it was not stopped
            return
        kernel.forget_daemon()
        if unit:
            run(["systemctl", "start", _UNIT], timeout=_LONGEST)
        elif _FOREGROUND not in arguments:
            run(["/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", folder, find_tool("auditd"), *arguments])

        def again() -> None:
            if not _running(kernel):
                raise NotYet("no auditd is registered with the kernel")

        try:
            wait_until("auditd", again, timeout=_LONGEST if unit or _FOREGROUND not in arguments else 1)
        except LabUnavailable:
            command = shlex.join(["auditd", *arguments])
            raise LabUnavailable(f"the host's '{command}' was ended during the capture: start it again") from None


def _running(kernel: AuditKernel) -> int:
    """The pid of the running auditd; 0 where none runs."""
    pid = kernel.status()["pid"]
    return pid if pid and audit_daemon(pid) == "auditd" else 0
