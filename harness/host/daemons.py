"""Starting daemons, each marked with its owner, and reporting one that has ended."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from harness.errors import LabUnavailable
from harness.host import halt
from harness.host.owned_folders import OwnedFolder
from harness.host.process import OWNER, base_environment

_LAST_LINES = 5


def start_recorded(
    owned: OwnedFolder, name: str, command: Sequence[str | Path], *, log: Path
) -> subprocess.Popen[bytes]:
    """Start the daemon `name` of a run or a lab, after it was written to the ledger. Raises LedgerClosed, Halted."""
    owner = f"{owned.id}/{name}"
    owned.ledger.add("daemon", owner=owner)
    return start_daemon(command, owner=owner, log=log)


def start_daemon(command: Sequence[str | Path], *, owner: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a daemon in a session of its own, with `owner` in its environment and all output in `log`.

    When this returns, `owned_processes(owner)` lists it. Raises Halted where what this thread makes is being undone.
    """
    with log.open("ab") as output:
        return halt.start(
            lambda: _shown(
                subprocess.Popen(
                    [str(word) for word in command],
                    env=base_environment() | {"TMPDIR": str(log.parent), OWNER: owner},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )
        )


def _shown(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """The process, once its environment can be read, or after a second.

    Popen waits until exec has closed its pipe. Only after that the kernel sets where the environment lies
    (begin_new_exec in fs/exec.c, create_elf_tables in fs/binfmt_elf.c). On a busy machine this takes a moment.
    """
    deadline, place = time.monotonic() + 1, Path(f"/proc/{process.pid}/environ")
    while process.poll() is None and not place.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.001)
    return process


def check_runs(name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Raises LabUnavailable, with the last lines of its log, where a daemon has ended."""
    if process.poll() is not None:
        raise LabUnavailable(f"{name} ended with code {process.returncode}", more=_last_lines(log))


def _last_lines(log: Path) -> list[str]:
    try:
        return log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    except OSError:
        return []
