"""One command in a shell of its own: in an audit session and a control group that no other process has."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from harness.capture.pulse import STEADY, Pulse
from harness.capture.survivors import Started
from harness.host.cgroup import Group, make_group
from harness.host.process import OWNER, base_environment, find_tool, until_ended
from harness.model.manifest import Canary, Execution, Output
from harness.sensors.sensor import canary_token, now

SHELLS = {"bash": "bash", "sh": "sh"}
# Writing loginuid makes the kernel stamp a fresh audit session on the shell and all its descendants (kernel/audit.c,
# audit_set_loginuid). The command comes in the environment: an argument would appear in the launcher's own record.
# The launcher executes canaries in the attack's session before it and after it, so a filter that hides attacks hides
# them, too. With little memory, the runtimes of `docker` and `kubectl` give up at once, before they do anything.
# It writes lines LABEL VALUE: the session, each canary's pid, the shell's exit code. It ignores the shell's signals.
_LAUNCHER = (
    "trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2;"
    ' echo 0 2>/dev/null >"$LIVEFIRE_DOOR";'
    " echo 0 2>/dev/null >/proc/self/loginuid; read -r session </proc/self/sessionid;"
    " shell=$LIVEFIRE_SHELL command=$LIVEFIRE_COMMAND told=$LIVEFIRE_TOLD;"
    " before=$LIVEFIRE_BEFORE after=$LIVEFIRE_AFTER;"
    " unset LIVEFIRE_SHELL LIVEFIRE_COMMAND LIVEFIRE_TOLD LIVEFIRE_BEFORE LIVEFIRE_AFTER LIVEFIRE_DOOR;"
    ' echo "session $session" >>"$told";'
    " canaries() { for pair in $1; do"
    ' (ulimit -v 100000; exec "${pair%=*}" "${pair##*=}") </dev/null >/dev/null 2>&1 &'
    ' echo "${pair##*=} $!" >>"$told"; wait $!; done; };'
    ' canaries "$before"; "$shell" -c "$command"; code=$?; canaries "$after"; echo "code $code" >>"$told"'
)
# Programs that attacks of this technique execute; `sh` ends since no file has the token's name.
_CANARIES = ("docker", "kubectl", "sh")
_LONGEST_FACTS = 1 << 16  # bytes; the launcher writes below 1 kB
_UNSET = 0xFFFFFFFF
_PROBING = 1.0
_HASTE = 0.5  # seconds for clients of a dead daemon to end


@dataclass(frozen=True)
class Surroundings:
    """The environment of an atomic. `user` is the Kubernetes user of its kubeconfig.

    `further` are variables for tools that would else use the host's state. `cgroup` is the control group, named in a
    ledger, below which each shell gets its own; none where it is empty.
    """

    owner: str
    home: Path
    docker_socket: Path | None
    kubeconfig: Path | None
    user: str | None = None
    further: Mapping[str, str] = field(default_factory=dict)
    cgroup: str = ""

    def environment(self) -> dict[str, str]:
        """The whole environment of its shell."""
        variables = (
            base_environment()
            | {"HOME": str(self.home), "USER": "root", "TERM": "dumb", "TMPDIR": str(self.home), OWNER: self.owner}
            | dict(self.further)
        )
        if self.docker_socket:
            variables["DOCKER_HOST"] = f"unix://{self.docker_socket}"
        if self.kubeconfig:
            variables["KUBECONFIG"] = str(self.kubeconfig)
        return variables


def execute(
    role: Literal["attack", "prerequisite", "cleanup"],
    shell: str,
    command: str,
    surroundings: Surroundings,
    *,
    timeout: float,
    pulse: Pulse = STEADY,
) -> Execution:
    """Run a command as `SHELL -c COMMAND` in its own audit session and control group, for at most `timeout` seconds.

    Its output is only counted. Processes that outlive it are killed (`survivors`), and so is a command that waits for a
    dead daemon.
    """
    group = make_group(surroundings.cgroup) if surroundings.cgroup else None
    before, after = (_canaries() if role == "attack" else {} for _ in range(2))
    environment = surroundings.environment() | _for_launcher(shell, command, before, after, group)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors, _facts_file() as (facts_file, name):
        started = now()
        with until_ended(lambda: _launch(environment, name, surroundings.home, output, errors)) as process:
            started_by_it = Started(process, lambda: _session(_facts_in(facts_file)), group)
            timed_out, given_up = _wait(started_by_it, timeout, pulse)
        finished = now()
        facts = _facts_in(facts_file)
        survivors = started_by_it.end()
        printed = Output(stdout_bytes=os.fstat(output.fileno()).st_size, stderr_bytes=os.fstat(errors.fileno()).st_size)
    return Execution(
        role=role,
        executor=shell,
        command=command,
        pid=process.pid,
        session=_session(facts),
        started=started,
        finished=finished,
        exit_code=_exit_code(facts.get("code"), process.returncode, timed_out or bool(given_up)),
        timed_out=timed_out,
        given_up=given_up,
        output=printed,
        survivors=survivors,
        canaries=[*_as_executed("before", before, facts), *_as_executed("after", after, facts)],
    )


def _for_launcher(
    shell: str, command: str, before: Mapping[str, Path], after: Mapping[str, Path], group: Group | None
) -> dict[str, str]:
    return {
        "LIVEFIRE_SHELL": str(find_tool(SHELLS.get(shell, shell))),
        "LIVEFIRE_COMMAND": command,
        "LIVEFIRE_BEFORE": _words(before),
        "LIVEFIRE_AFTER": _words(after),
        "LIVEFIRE_DOOR": str(group.door if group else os.devnull),
    }


def _launch(
    environment: Mapping[str, str], facts_file: str, home: Path, output: IO[bytes], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _LAUNCHER],
        env={**environment, "LIVEFIRE_TOLD": facts_file},
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=True,
    )


def _canaries() -> dict[str, Path]:
    """A token for each program that an attack may execute, of those that are installed."""
    path = base_environment()["PATH"]
    programs = [shutil.which(name, path=path) for name in _CANARIES]
    return {canary_token(): Path(program) for program in programs if program}


def _words(canaries: Mapping[str, Path]) -> str:
    return " ".join(f"{program}={token}" for token, program in canaries.items())


def _as_executed(
    when: Literal["before", "after"], canaries: Mapping[str, Path], facts: Mapping[str, str]
) -> Iterator[Canary]:
    for token, program in canaries.items():
        yield Canary(when=when, name=program.name, token=token, pid=number(facts.get(token), None))


@contextlib.contextmanager
def _facts_file() -> Iterator[tuple[int, str]]:
    """The descriptor and the path of the file that the launcher writes. An attack may put another file at the path."""
    descriptor, name = tempfile.mkstemp()
    try:
        yield descriptor, name
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):  # else it is removed with its folder
            Path(name).unlink()


def _facts_in(descriptor: int) -> dict[str, str]:
    """The launcher's lines, by their first word. An attack that finds the file may have written anything."""
    lines = os.pread(descriptor, _LONGEST_FACTS, 0).decode(errors="replace").splitlines()
    return {name: value for name, _, value in (line.partition(" ") for line in reversed(lines))}


def number(text: str | None, otherwise: int | None) -> int | None:
    """The text as a decimal number, or `otherwise`."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _exit_code(code_text: str | None, launcher: int, ended: bool) -> int | None:
    """The exit code of the attack's shell; minus the signal's number where we ended it."""
    code = number(code_text, launcher)
    return 128 - code if ended and code is not None and code > 128 else code


def _session(facts: Mapping[str, str]) -> int | None:
    """The audit session that the launcher wrote; None where the kernel gave none, or the session is still ours."""
    line = facts.get("session", "")
    session = int(line) if line.isascii() and line.isdigit() else _UNSET
    own = int(Path("/proc/self/sessionid").read_text())
    return None if session in (_UNSET, own) else session


def _wait(started: Started, timeout: float, pulse: Pulse) -> tuple[bool, str]:
    """Wait for the launcher's end; returns whether the time limit ended the command, and what part of the lab died."""
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        try:
            started.launcher.wait(min(left, _PROBING))
            return False, ""
        except subprocess.TimeoutExpired:
            if time.monotonic() < deadline and (died := pulse.holds_up()):
                started.hurry(_HASTE)
                return False, died
    started.hurry()
    return True, ""
