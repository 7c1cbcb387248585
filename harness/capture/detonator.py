"""Detonating one atomic: its commands in a shell of their own, each in an audit session that no other process has."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness import interrupts
from harness.capture.process import (
    OWNER,
    base_environment,
    find_tool,
    group_processes,
    kill_group,
    session_processes,
)
from harness.capture.sensors.base import canary_token, now
from harness.errors import LabUnavailable
from harness.model.atomic import Atomic
from harness.model.manifest import Canary, Detonation, Execution, Output

SHELLS = {"bash": "bash", "sh": "sh"}
# Writing loginuid makes the kernel stamp a fresh audit session on the shell and all its descendants (kernel/audit.c,
# audit_set_loginuid). The command travels in the environment: an argument would show up in the launcher's own record.
# The launcher stays, to execute canaries in the attack's session before it and after it: what filters attacks filters
# them. With little memory, the runtime of `docker` and of `kubectl` gives up at once, before it does anything.
# It tells LABEL PID: the session, its canaries, and how the shell ended. Signals that the shell gets are not for it.
_LAUNCHER = (
    "trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2;"
    " echo 0 2>/dev/null >/proc/self/loginuid; read -r session </proc/self/sessionid;"
    " shell=$LIVEFIRE_SHELL command=$LIVEFIRE_COMMAND told=$LIVEFIRE_TOLD;"
    " before=$LIVEFIRE_BEFORE after=$LIVEFIRE_AFTER;"
    " unset LIVEFIRE_SHELL LIVEFIRE_COMMAND LIVEFIRE_TOLD LIVEFIRE_BEFORE LIVEFIRE_AFTER;"
    ' echo "session $session" >>"$told";'
    " canaries() { for each in $1; do"
    ' (ulimit -v 100000; exec "${each%=*}" "${each##*=}") </dev/null >/dev/null 2>&1 &'
    ' echo "${each##*=} $!" >>"$told"; wait $!; done; };'
    ' canaries "$before"; "$shell" -c "$command"; code=$?; canaries "$after"; echo "code $code" >>"$told"'
)
# What attacks of this technique execute; `sh` runs on and finds no file of the token's name.
_CANARIES = ("docker", "kubectl", "sh")
_UNSET = 0xFFFFFFFF
_GRACE = 2.0
_HASTE = 3.0  # for the clean-up of an attack that was interrupted: somebody waits
_PROBING = 5.0


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
    fault: Callable[[], str] = str,
) -> Detonation:
    """Check the prerequisites, run the attack, always clean up.

    `attack` surrounds the attack alone; prerequisites and cleanup run in `harness`, so that nothing they do is
    ever counted as the attack's. A failed prerequisite skips the atomic; it never raises for what a command does.
    Where one fails, `fault` tells what of the lab has died; empty where all of it lives.
    """
    others: list[Execution] = []
    missing, died = unsupported(atomic), ""
    for dependency in [] if missing else atomic.test.dependencies:
        shell = atomic.test.dependency_executor_name or atomic.executor.name
        command = atomic.substitute(dependency.prereq_command, arguments)
        others.append(execute("prerequisite", shell, command, harness, timeout=timeout, fault=fault))
        if others[-1].exit_code != 0:
            missing = f"prerequisite not met: {' '.join(atomic.substitute(dependency.description, arguments).split())}"
            died = fault()
            break
    execution = None
    if not missing:
        try:
            command = atomic.substitute(atomic.executor.command, arguments).rstrip("\n")
            execution = execute("attack", atomic.executor.name, command, attack, timeout=timeout, fault=fault)
        finally:
            cleanup = atomic.executor.cleanup_command
            if interrupts.came():
                timeout = min(timeout, _HASTE)
            if cleanup:
                command = atomic.substitute(cleanup, arguments)
                others.append(execute("cleanup", atomic.executor.name, command, harness, timeout=timeout, fault=fault))
    return not_detonated(atomic, died or missing, lost=bool(died)).model_copy(
        update={"user": attack.user, "attack": execution, "others": others}
    )


def not_detonated(atomic: Atomic, why: str, *, lost: bool) -> Detonation:
    """An atomic whose attack was not started; `lost` says that the lab is to blame."""
    return Detonation(
        atomic=atomic.id,
        guid=atomic.guid,
        technique=atomic.technique,
        name=atomic.name,
        skipped=why or None,
        user=None,
        attack=None,
        variant=atomic.variant,
        lost=lost,
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
    fault: Callable[[], str] = str,
) -> Execution:
    """Run a command as `SHELL -c COMMAND` in its own audit session and process group, for at most `timeout` seconds.

    What it prints is counted and thrown away. What it leaves running is killed, and named in `survivors`.
    """
    environment = surroundings.environment()
    environment |= {"LIVEFIRE_SHELL": str(find_tool(SHELLS.get(shell, shell))), "LIVEFIRE_COMMAND": command}
    before, after = (_canaries() if role == "attack" else {} for _ in range(2))
    environment |= {"LIVEFIRE_BEFORE": _words(before), "LIVEFIRE_AFTER": _words(after)}
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
            timed_out = _wait(process, timeout, Path(told.name), fault)
        except BaseException:
            with interrupts.shielded():
                kill_group(process)
            raise
        finished = now()
        facts = _told(Path(told.name))
        session = _session(facts.get("session", ""))
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
        exit_code=_exit_code(facts.get("code"), process.returncode, timed_out),
        timed_out=timed_out,
        output=printed,
        survivors=survivors,
        canaries=[*_as_executed("before", before, facts), *_as_executed("after", after, facts)],
    )


def _canaries() -> dict[str, Path]:
    """A token for each program that an attack may execute, of those that are installed."""
    path = base_environment()["PATH"]
    found = [shutil.which(name, path=path) for name in _CANARIES]
    return {canary_token(): Path(program) for program in found if program}


def _words(canaries: Mapping[str, Path]) -> str:
    return " ".join(f"{program}={token}" for token, program in canaries.items())


def _as_executed(
    when: Literal["before", "after"], canaries: Mapping[str, Path], facts: Mapping[str, str]
) -> Iterator[Canary]:
    for token, program in canaries.items():
        yield Canary(when=when, name=program.name, token=token, pid=number(facts.get(token), None))


def _told(path: Path) -> dict[str, str]:
    """What the launcher told, by its first word. An attack that has found the file may have written anything."""
    lines = path.read_text(errors="replace").splitlines()
    return {name: value for name, _, value in (line.partition(" ") for line in reversed(lines))}


def number(text: str | None, otherwise: int | None) -> int | None:
    """A decimal number."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _exit_code(told: str | None, launcher: int, timed_out: bool) -> int | None:
    """That of the attack's shell; of one that we ended, as that of any process: minus the signal's number."""
    code = number(told, launcher)
    return 128 - code if timed_out and code is not None and code > 128 else code


def _session(line: str) -> int | None:
    """The audit session that the launcher told; None where the kernel gave none, or ours was not left."""
    session = int(line) if line.isascii() and line.isdigit() else _UNSET
    own = int(Path("/proc/self/sessionid").read_text())
    return None if session in (_UNSET, own) else session


def _wait(process: subprocess.Popen[bytes], timeout: float, told: Path, fault: Callable[[], str]) -> bool:
    """Wait for the launcher's end; True where the command ran into its time limit, and was ended for it.

    It is ended, too, where the lab has been dead twice in a row: what asks a daemon that is paused never ends.
    """
    deadline, dead = time.monotonic() + timeout, 0
    while (left := deadline - time.monotonic()) > 0 and dead < 2:
        try:
            process.wait(min(left, _PROBING))
            return False
        except subprocess.TimeoutExpired:
            dead = dead + 1 if time.monotonic() < deadline and fault() else 0
    _end(process, told)
    return dead < 2


def _end(process: subprocess.Popen[bytes], told: Path) -> None:
    """End what the launcher runs, and the launcher itself only where it does not end then."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)  # first politely: `docker run --rm` removes its container
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
        return
    session = _session(_told(told).get("session", ""))
    for pid in _of_attack(process.pid, session):  # but not the launcher, which has canaries to execute
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    kill_group(process)


def _of_attack(launcher: int, session: int | None) -> list[int]:
    members = group_processes(launcher) + (session_processes(session) if session is not None else [])
    return sorted(set(members) - {launcher})


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
