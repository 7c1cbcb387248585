"""Starting processes: argument lists, an explicit environment, time limits that end the whole process group."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import LabUnavailable
from harness.host import halt
from harness.host.hierarchies import thaw
from harness.host.waiting import NotYet
from harness.interrupts import shielded

OWNER = "LIVEFIRE_OWNER"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Completed:
    """A command that has ended. `output` is standard output, `errors` standard error, decoded leniently."""

    code: int
    output: str
    errors: str


def base_environment() -> dict[str, str]:
    """The environment of our own tools: only PATH and HOME are the caller's, and no proxy is set."""
    path = os.environ.get("PATH", "")
    sbin = ":".join(p for p in _SYSTEM_PATH.split(":") if p not in path.split(":"))
    variables = {"PATH": f"{path}:{sbin}".strip(":"), "HOME": os.environ.get("HOME", "/root"), "LANG": "C.UTF-8"}
    return variables | {"TMPDIR": tempfile.gettempdir()}


def find_tool(name: str, *, package: str = "") -> Path:
    """The full path of a program. Raises LabUnavailable, which names the program's package."""
    path = shutil.which(name, path=base_environment()["PATH"])
    if path is None:
        hint = f"Install the package '{package or name}', or run scripts/run, which does."
        raise LabUnavailable(f"'{name}' is not installed", hint=hint)
    return Path(path)


def run(
    command: Sequence[str | Path],
    *,
    timeout: float = 30,
    check: bool = True,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Completed:
    """Run a command to its end. `environment` is added to `base_environment`.

    Raises LabUnavailable when it fails (unless `check` is false) or takes longer than `timeout` seconds.
    """
    with until_ended(lambda: _start(command, environment)) as process:
        try:
            output, errors = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise LabUnavailable(f"'{Path(command[0]).name}' did not end within {timeout:g} s") from None
    halt.check()
    done = Completed(process.returncode, output.decode(errors="replace"), errors.decode(errors="replace"))
    if check and done.code != 0:
        lines = (done.errors or done.output).strip().splitlines()
        raise LabUnavailable(f"'{' '.join(str(p) for p in command)}' failed: {lines[-1] if lines else done.code}")
    return done


def _start(command: Sequence[str | Path], environment: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(word) for word in command],
        env=base_environment() | dict(environment or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@contextlib.contextmanager
def until_ended(make: Callable[[], subprocess.Popen[bytes]]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive the block."""
    process = None
    try:
        with shielded():  # an interrupt between start and assignment would leave it running
            process = halt.start(make)
        yield process
    finally:
        if process and process.returncode is None:
            kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that has a session of its own, and its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def owned_processes(owner: str) -> list[int]:
    """The pids of all processes with `owner` in their environment: those that were started, and their descendants."""
    mark = f"{OWNER}={owner}".encode()
    return _with_variable(lambda variable: variable == mark)


def owners(prefix: str) -> set[str]:
    """The owners whose names begin with `prefix` and that have a running process."""
    mark = f"{OWNER}={prefix}".encode()
    names: set[str] = set()

    def collect(variable: bytes) -> bool:
        if variable.startswith(mark):
            names.add(os.fsdecode(variable.partition(b"=")[2]))
        return False

    _with_variable(collect)
    return names


def podman_processes(folder: str) -> list[int]:
    """The pids of Podman's processes whose configuration lies below a folder.

    Podman clears the environment of conmon, and so of the cleanup that conmon starts, except for its own variables.
    """
    mark = f"CONTAINERS_CONF={folder}/".encode()
    return _with_variable(lambda variable: variable.startswith(mark))


def _with_variable(matches: Callable[[bytes], bool]) -> list[int]:
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if any(map(matches, (entry / "environ").read_bytes().split(b"\0"))):
                    pids.append(int(entry.name))
    return pids


def session_processes(session: int) -> list[int]:
    """The pids of all processes in an audit session (see proc(5), /proc/pid/sessionid)."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                if int((entry / "sessionid").read_text()) == session:
                    pids.append(int(entry.name))
    return pids


def group_processes(group: int) -> list[int]:
    """The pids of all processes in a process group (proc(5), /proc/pid/stat, field 5)."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                    pids.append(int(entry.name))
    return pids


def kill_found(find: Callable[[], Iterable[int]]) -> None:
    """Kill what `find` returns. Raises NotYet where it returned a process: the next call shows whether that has ended.

    A pid may be another process's by the time it is used. So each process is held (pidfd_open(2), where the kernel has
    it), and killed only if `find` returns it again after that.
    """
    with contextlib.ExitStack() as held:
        processes: dict[int, int | None] = {}
        for pid in find():
            if pid != os.getpid() and not is_zombie(pid):
                with contextlib.suppress(ProcessLookupError):
                    processes[pid] = _hold(pid, held)
        for pid in set(find()) & set(processes) if processes else ():
            with contextlib.suppress(ProcessLookupError):
                held_by = processes[pid]
                os.kill(pid, signal.SIGKILL) if held_by is None else signal.pidfd_send_signal(held_by, signal.SIGKILL)
                thaw(pid)
    if processes:
        raise NotYet(f"processes {sorted(processes)}")


def _hold(pid: int, held: contextlib.ExitStack) -> int | None:
    """A descriptor of the process; None where the kernel gives none. Raises ProcessLookupError."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:
        return None
    held.callback(os.close, process)
    return process


def is_zombie(pid: int) -> bool:
    """Whether a process has ended: it waits for its parent to read its exit code, or is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
