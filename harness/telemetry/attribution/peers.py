"""The slice of a request to the Docker daemon, by the process that sent it and not by its socket.

A foreign process may use an atomic's socket, and an atomic may use the daemon's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.model.manifest import HARNESS, Execution, Manifest
from harness.telemetry.attribution.owners import Owners
from harness.telemetry.attribution.residents import Residents
from harness.telemetry.attribution.sessions import Sessions
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.schema import BACKGROUND, ambiguous

_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_SLACK = 0.05


@dataclass
class Peers:
    """The senders of requests in one recording."""

    manifest: Manifest
    sessions: Sessions
    residents: Residents

    def settle(self, requests: list[DockerRequest], owners: Owners) -> list[DockerRequest]:
        """The requests, each with the slice of its sender. Older recordings have no senders; there the socket decides.

        They are taken in the order of sending: a container is made and entered before it sends a request itself.
        """
        settled = list(requests)
        for place in sorted(range(len(requests)), key=lambda place: requests[place].sent):
            request = requests[place]
            whose = request.atomic if request.peer is None else self._of(request, request.peer, owners)
            settled[place] = replace(request, atomic=whose)
            owners.daemon.note(settled[place])
        return settled

    def during(self, at: float) -> str:
        """The atomic whose attack ran at a moment (seconds, epoch); empty where none did."""
        return next((whose for attack, whose in self._attacks() if _ran(attack, at, _SLACK)), "")

    def past_gateways(self, at: float) -> str:
        """The atomic that may have sent a request past all gateways at a moment; empty for none.

        A foreign daemon's socket has no gateway before it. There, the contacts show whether the attack used it.
        """
        running, socket = self.during(at), self.manifest.lab.foreign_socket
        if running and socket is not None and self.residents.known:
            return running if self.residents.asked_at(socket, at) else ""
        return running

    def running(self, at: float) -> str:
        """As `during`, without slack: Livefire itself acts right before and right after an attack."""
        return next((whose for attack, whose in self._attacks() if _ran(attack, at, 0)), "")

    def _of(self, request: DockerRequest, peer: Mapping[str, Any], owners: Owners) -> str:
        running = self.during(request.sent)
        if peer.get("started") is None:  # it ended before its /proc entry was read
            return ambiguous(running) if running else request.atomic
        session, pids = peer.get("session"), [peer.get("pid"), *(peer.get("above") or [])]
        if isinstance(session, int) and session in self.sessions.of:
            return self.sessions.of[session]
        numbers = [pid for pid in pids if isinstance(pid, int)]
        for pid in numbers:
            if shell := self.sessions.shell(pid, request.sent):
                return shell[1]
        if containers := _CONTAINER_ID.findall(str(peer.get("cgroup"))):  # a pod's is in its node's
            return owners.inside(containers[-1], request.sent, self._in_unknown(numbers, request.sent, running))
        if self.manifest.harness_pid in pids[:2]:
            return HARNESS
        return self.residents.asked(request.sent, numbers) or BACKGROUND

    def _in_unknown(self, pids: list[int], at: float, running: str) -> str:
        """The slice of a process in an unattributed container: background only if it is older than the capture."""
        older = any(resident.contained and resident.pid in pids for resident in self.residents.all)
        return self.residents.asked(at, pids) or (ambiguous(running) if running and not older else BACKGROUND)

    def _attacks(self) -> Iterator[tuple[Execution, str]]:
        return ((d.attack, d.atomic) for d in self.manifest.detonations if d.attack)


def _ran(execution: Execution, at: float, slack: float) -> bool:
    return execution.started.timestamp() - slack <= at <= execution.finished.timestamp() + slack
