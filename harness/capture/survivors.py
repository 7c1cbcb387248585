"""What an atomic's shell has started, and how it is ended: by process group, audit session and control group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import LabUnavailable
from harness.host.cgroup import Group
from harness.host.process import group_processes, is_zombie, kill_found, kill_group, session_processes
from harness.host.waiting import NotYet

_GRACE = 2.0
_LONGEST = 5.0  # seconds for what is killed to end


@dataclass(frozen=True)
class Started:
    """The launcher of an atomic's shell, and all that it starts. `session` returns its audit session, if any."""

    launcher: subprocess.Popen[bytes]
    session: Callable[[], int | None]
    group: Group | None

    def hurry(self, grace: float = _GRACE) -> None:
        """End what the launcher runs; the launcher itself only where it does not end by itself after that."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.launcher.pid, signal.SIGTERM)  # first, so that `docker run --rm` removes its container
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.launcher.wait(grace)
            return
        with contextlib.suppress(NotYet):  # not the launcher, which still executes canaries
            kill_found(lambda: {*group_processes(self.launcher.pid), *self._left()} - {self.launcher.pid})
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.launcher.wait(_GRACE)
        kill_group(self.launcher)

    def end(self) -> list[int]:
        """Kill what the command left behind in its process group, its audit session and its control group.

        Returns the pids of what had outlived it. Raises LabUnavailable where a process can't be killed.
        """
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.launcher.pid, signal.SIGKILL)
        survivors = [pid for pid in self._left() if not is_zombie(pid)]
        if self.group:
            self.group.stop_forks()
        deadline = time.monotonic() + _LONGEST
        while True:
            try:
                kill_found(self._left)
                break
            except NotYet as left:
                if time.monotonic() > deadline:
                    raise LabUnavailable(f"{left}, left by an atomic, can't be killed") from None
            time.sleep(0.01)
        if self.group:
            with contextlib.suppress(NotYet):  # then the ledger's entry for all groups removes it
                self.group.remove()
        return survivors

    def _left(self) -> list[int]:
        session = self.session()
        pids = session_processes(session) if session is not None else []
        return sorted({*pids, *(self.group.processes() if self.group else [])})
