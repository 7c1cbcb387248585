"""Whether the lab's daemons answer, and whether a command waits for one that does not.

A paused daemon accepts connections and answers nothing, so its clients never end. Only these are given up: an atomic
that needs only the API server does not suffer from a dead Docker daemon.
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

_FIRST, _AGAIN = 1.0, 2.0  # seconds to answer within, at first and when asked again
_PAUSE = 1.0
# proc(5), /proc/net/tcp: the states of a connection that is made, or is being made
_CONNECTED = ("01", "02")


class Pulse(Protocol):
    """Whether the lab's daemons answer, for the code that runs commands."""

    def died(self) -> str:
        """Which parts of the lab do not answer; empty where all do."""

    def holds_up(self) -> str:
        """As `died`, but only the parts that a command is waiting for at this moment."""


class Steady:
    """The pulse where there are no daemons."""

    def died(self) -> str:
        """Empty."""
        return ""

    holds_up = died


STEADY = Steady()


class LabPulse:
    """The pulse of a lab. `owner` marks the processes of commands (process.py).

    `in_use` tells whether a command is connected to the Docker daemon.
    """

    def __init__(self, docker: Path | None, api: KubeApi | None, owner: str, in_use: Callable[[], bool]) -> None:
        self._docker = docker
        self._api = api
        self._owner = owner
        self._in_use = in_use
        self._dead: set[str] = set()

    def died(self) -> str:
        """Which parts of the lab do not answer; empty where all do."""
        return "; ".join(filter(None, [self._docker_fault(), self._api_fault()]))

    def holds_up(self) -> str:
        """As `died`, but only the parts that a command is waiting for at this moment."""
        docker = self._docker_fault() if self._in_use() else ""
        api = self._api_fault() if self._api and connected(self._api.port, owned_processes(self._owner)) else ""
        return "; ".join(filter(None, [docker, api]))

    def _docker_fault(self) -> str:
        daemon = self._docker
        fault = self._surely("docker", lambda seconds: daemon_fault(daemon, seconds)) if daemon else ""
        return fault and f"the Docker daemon does not answer: {fault}"

    def _api_fault(self) -> str:
        fault = self._surely("api", self._api.ready) if self._api else ""
        return fault and f"the API server is not ready: {fault}"

    def _surely(self, name: str, ask: Callable[[float], str]) -> str:
        """The fault that `ask` returns. A daemon that has answered before is asked twice before it counts as dead."""
        fault = ask(_FIRST)
        if fault and name not in self._dead:
            time.sleep(_PAUSE)
            fault = ask(_AGAIN)
        (self._dead.add if fault else self._dead.discard)(name)
        return fault


def connected(port: int, pids: list[int]) -> bool:
    """Whether one of these processes has a TCP connection to a port, or is connecting."""
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
        for descriptor in Path("/proc", str(pid), "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(descriptor.readlink())
