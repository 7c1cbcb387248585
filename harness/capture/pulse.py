"""Whether the lab lives: what of it has died, and whether a command waits for that in vain.

A daemon that is paused accepts connections and answers nothing, so what asks it never ends. Only what asks it is given
up for that: an atomic that needs the API server alone loses nothing by a dead Docker daemon.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from harness.host.process import owned_processes
from harness.lab.kubernetes.kube_api import KubeApi
from harness.sensors.docker.docker_sensor import daemon_fault

_FIRST, _AGAIN = 1.0, 2.0  # seconds to answer within, and once more for who was late
_PAUSE = 1.0
# proc(5), /proc/net/tcp: the states of a connection that is made, or is being made
_CONNECTED = ("01", "02")


class Pulse(Protocol):
    """What is asked while commands run."""

    def died(self) -> str:
        """What of the lab does not answer; empty where all of it does."""

    def holds_up(self) -> str:
        """As `died`, of what a command is waiting for at this moment."""


class Steady:
    """The pulse of what cannot die."""

    def died(self) -> str:
        """Nothing."""
        return ""

    holds_up = died


STEADY = Steady()


class LabPulse:
    """The pulse of a lab. `owner` is what the processes of commands carry (see process.py); `asked` tells whether a
    command is connected to the Docker daemon.
    """

    def __init__(self, docker: Path | None, api: KubeApi | None, owner: str, asked: Callable[[], bool]) -> None:
        self._docker = docker
        self._api = api
        self._owner = owner
        self._asked = asked
        self._dead: set[str] = set()

    def died(self) -> str:
        """What of the lab does not answer; empty where all of it does."""
        return "; ".join(filter(None, [self._docker_fault(), self._api_fault()]))

    def holds_up(self) -> str:
        """As `died`, of what a command is waiting for at this moment."""
        docker = self._docker_fault() if self._asked() else ""
        api = self._api_fault() if self._api and connected(self._api.port, owned_processes(self._owner)) else ""
        return "; ".join(filter(None, [docker, api]))

    def _docker_fault(self) -> str:
        daemon = self._docker
        said = self._surely("docker", lambda seconds: daemon_fault(daemon, seconds)) if daemon else ""
        return said and f"the Docker daemon does not answer: {said}"

    def _api_fault(self) -> str:
        said = self._surely("api", self._api.ready) if self._api else ""
        return said and f"the API server is not ready: {said}"

    def _surely(self, name: str, ask: Callable[[float], str]) -> str:
        """What it says. Who has answered so far is asked twice before it is called dead."""
        said = ask(_FIRST)
        if said and name not in self._dead:
            time.sleep(_PAUSE)
            said = ask(_AGAIN)
        (self._dead.add if said else self._dead.discard)(name)
        return said


def connected(port: int, pids: list[int]) -> bool:
    """Whether one of these processes has a TCP connection to a port, or tries to get one."""
    inodes: set[str] = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] in _CONNECTED and int(fields[2].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    return any(not inodes.isdisjoint(_open_files(pid)) for pid in pids) if inodes else False


def _open_files(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for each in Path("/proc", str(pid), "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(each.readlink())
