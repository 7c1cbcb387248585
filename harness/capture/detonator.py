"""Detonating one atomic: its commands in a shell of their own, each in an audit session that no other process has."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness import interrupts
from harness.capture.process import OWNER, base_environment, find_tool, kill_group, session_processes
from harness.capture.sensors.base import now
from harness.errors import LabUnavailable
from harness.model.atomic import Atomic
from harness.model.manifest import Detonation, Execution, Output

SHELLS = {"bash": "bash", "sh": "sh"}
# Writing loginuid makes the kernel stamp a fresh audit session on the shell and all its descendants (kernel/audit.c,
# audit_set_loginuid). The command travels in the environment: an argument would show up in the launcher's own record.
_LAUNCHER = (
    "echo 0 2>/dev/null >/proc/self/loginuid; read -r session </proc/self/sessionid; echo $session >$LIVEFIRE_TOLD;"
    " shell=$LIVEFIRE_SHELL command=$LIVEFIRE_COMMAND; unset LIVEFIRE_SHELL LIVEFIRE_COMMAND LIVEFIRE_TOLD;"
    ' exec "$shell" -c "$command"'
)
_UNSET = 0xFFFFFFFF
_GRACE = 2.0
_HASTE = 3.0  # for the clean-up of an attack that was interrupted: somebody waits


@dataclass(frozen=True)
class Surroundings:
    """What an atomic finds in its environment. `user` is the Kubernetes user behind its kubeconfig.

    `further` are variables for tools that would else use something of the host's.
    """

    owner: str
    home: Path
    docker_socket: Path | None
    kubeconfig: Path | None
    user: str | None = None
    further: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The whole environment of its shell."""
        found = (
            base_environment()
            | {"HOME": str(self.home), "USER": "root", "TERM": "dumb", "TMPDIR": str(self.home), OWNER: self.owner}
            | dict(self.further)
        )
        if self.docker_socket:
            found["DOCKER_HOST"] = f"unix://{self.docker_socket}"
        if self.kubeconfig:
            found["KUBECONFIG"] = str(self.kubeconfig)
        return found


def detonate(
    atomic: Atomic,
    attack: Surroundings,
    harness: Surroundings,
    *,
    timeout: float,
    arguments: Mapping[str, str] | None = None,
) -> Detonation:
    """Check the prerequisites, run the attack, always clean up.

    `attack` surrounds the attack alone; prerequisites and cleanup run in `harness`, so that nothing they do is
    ever counted as the attack's. A failed prerequisite skips the atomic; it never raises for what a command does.
    """
    others: list[Execution] = []
    missing = unsupported(atomic)
    for dependency in [] if missing else atomic.test.dependencies:
        shell = atomic.test.dependency_executor_name or atomic.executor.name
        command = atomic.substitute(dependency.prereq_command, arguments)
        others.append(execute("prerequisite", shell, command, harness, timeout=timeout))
        if others[-1].exit_code != 0:
            missing = f"prerequisite not met: {' '.join(atomic.substitute(dependency.description, arguments).split())}"
            break
    execution = None
    if not missing:
        try:
            command = atomic.substitute(atomic.executor.command, arguments).rstrip("\n")
            execution = execute("attack", atomic.executor.name, command, attack, timeout=timeout)
        finally:
            cleanup = atomic.executor.cleanup_command
            if interrupts.came():
                timeout = min(timeout, _HASTE)
            if cleanup:
                command = atomic.substitute(cleanup, arguments)
                others.append(execute("cleanup", atomic.executor.name, command, harness, timeout=timeout))
    return Detonation(
        atomic=atomic.id,
        guid=atomic.guid,
        technique=atomic.technique,
        name=atomic.name,
        skipped=missing or None,
        user=attack.user,
        attack=execution,
        others=others,
        variant=atomic.variant,
    )


def unsupported(atomic: Atomic) -> str:
    """Why this atomic cannot run on this host; empty when it can."""
    if atomic.executor.name not in SHELLS:
        return f"executor '{atomic.executor.name}' does not run on Linux"
    if not {"linux", "containers"} & set(atomic.test.supported_platforms):
        return f"made for {', '.join(atomic.test.supported_platforms)}"
    if atomic.executor.elevation_required and os.geteuid() != 0:
        return "needs root"
    return ""


def execute(
    role: Literal["attack", "prerequisite", "cleanup"],
    shell: str,
    command: str,
    surroundings: Surroundings,
    *,
    timeout: float,
) -> Execution:
    """Run a command as `SHELL -c COMMAND` in its own audit session and process group, for at most `timeout` seconds.

    What it prints is counted and thrown away. What it leaves running is killed, and named in `survivors`.
    """
    environment = surroundings.environment()
    environment |= {"LIVEFIRE_SHELL": str(find_tool(SHELLS.get(shell, shell))), "LIVEFIRE_COMMAND": command}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile() as told:
        started = now()
        process = subprocess.Popen(
            ["/bin/sh", "-c", _LAUNCHER],
            env=environment | {"LIVEFIRE_TOLD": told.name},
            cwd=surroundings.home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        try:
            code, timed_out = _wait(process, timeout)
        except BaseException:
            with interrupts.shielded():
                kill_group(process)
            raise
        finished = now()
        session = _session(Path(told.name).read_text())
        survivors = _end_session(session, process)
        printed = Output(stdout_bytes=os.fstat(output.fileno()).st_size, stderr_bytes=os.fstat(errors.fileno()).st_size)
    return Execution(
        role=role,
        executor=shell,
        command=command,
        pid=process.pid,
        session=session,
        started=started,
        finished=finished,
        exit_code=code,
        timed_out=timed_out,
        output=printed,
        survivors=survivors,
    )


def _session(line: str) -> int | None:
    """The audit session that the launcher told; None where the kernel gave none, or ours was not left."""
    session = int(line) if line.strip().isdigit() else _UNSET
    own = int(Path("/proc/self/sessionid").read_text())
    return None if session in (_UNSET, own) else session


def _wait(process: subprocess.Popen[bytes], timeout: float) -> tuple[int | None, bool]:
    try:
        return process.wait(timeout), False
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # first politely: `docker run --rm` removes its container
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        kill_group(process)
        return process.returncode, True


def _end_session(session: int | None, process: subprocess.Popen[bytes]) -> list[int]:
    """Kill what the command left behind: its group, and whatever else is in its audit session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if session is None:
        return []
    survivors = session_processes(session)
    deadline = time.monotonic() + 5
    while left := session_processes(session):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise LabUnavailable(f"processes {left} of audit session {session} cannot be killed")
        time.sleep(0.01)
    return survivors
