"""Whose a request to the Docker daemon is: that of the process that sent it, and not of the socket that it came by.

A stranger may use an atomic's socket, and an atomic the daemon's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.model.manifest import HARNESS, Execution, Manifest
from harness.proof.attribution.docker_requests import DockerRequest
from harness.proof.attribution.residents import Residents
from harness.proof.tables.schema import BACKGROUND, ambiguous

_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_SLACK = 0.05


@dataclass
class Peers:
    """Answers for one recording. `sessions` are slices by audit session."""

    manifest: Manifest
    sessions: Mapping[int, str]
    residents: Residents
    _containers: dict[str, str] = field(default_factory=dict)

    def settle(self, requests: list[DockerRequest]) -> list[DockerRequest]:
        """The requests, each with the slice of who sent it; in older recordings nobody looked, and its socket tells."""
        found = []
        for request in requests:
            whose = request.atomic if request.peer is None else self._of(request, request.peer)
            if request.container_id:
                self._containers[request.container_id] = whose
            found.append(replace(request, atomic=whose))
        return found

    def during(self, at: float) -> str:
        """The atomic whose attack ran at a moment (seconds, epoch); empty where none did."""
        return next((whose for attack, whose in self._attacks() if _ran(attack, at, _SLACK)), "")

    def past_gateways(self, at: float) -> str:
        """The atomic that may have asked the daemon for something at a moment, past all gateways; empty for none.

        The socket of another's daemon has no gateway before it. There it is seen whether the attack has used it.
        """
        running, docker = self.during(at), self.manifest.lab.docker
        if running and docker and docker.kind == "host" and self.residents.known:
            return running if self.residents.asked_at(docker.name.removeprefix("unix://"), at) else ""
        return running

    def running(self, at: float) -> str:
        """As `during`, to the microsecond: what Livefire does itself stands right before and right after."""
        return next((whose for attack, whose in self._attacks() if _ran(attack, at, 0)), "")

    def _of(self, request: DockerRequest, peer: Mapping[str, Any]) -> str:
        running = self.during(request.sent)
        if peer.get("started") is None:  # it had ended before anybody could look
            return ambiguous(running) if running else request.atomic
        session, pids = peer.get("session"), [peer.get("pid"), *(peer.get("above") or [])]
        if isinstance(session, int) and session in self.sessions:
            return self.sessions[session]
        for pid in pids:
            if whose := self._shell(pid, request.sent):
                return whose
        if container := _CONTAINER_ID.search(str(peer.get("cgroup"))):
            return self._containers.get(container[0], BACKGROUND)
        if self.manifest.harness_pid in pids[:2]:
            return HARNESS
        return self.residents.asked(request.sent, [pid for pid in pids if isinstance(pid, int)]) or BACKGROUND

    def _attacks(self) -> Iterator[tuple[Execution, str]]:
        return ((each.attack, each.atomic) for each in self.manifest.detonations if each.attack)

    def _shell(self, pid: object, at: float) -> str | None:
        """Whose shell a living process with that pid is at that moment, of those that Livefire started."""
        others = ((each, HARNESS) for detonation in self.manifest.detonations for each in detonation.others)
        shells = (whose for shell, whose in (*self._attacks(), *others) if shell.pid == pid and _ran(shell, at, _SLACK))
        return next(shells, None)


def _ran(execution: Execution, at: float, slack: float) -> bool:
    return execution.started.timestamp() - slack <= at <= execution.finished.timestamp() + slack
