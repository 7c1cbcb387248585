"""Whose a request to the Docker daemon is: that of the process that sent it, and not of the socket that it came by.

A stranger may use an atomic's socket, and an atomic the daemon's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.model.manifest import HARNESS, Manifest
from harness.proof.attribution.docker_requests import DockerRequest
from harness.proof.tables.schema import BACKGROUND, ambiguous

_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_SLACK = 0.05


@dataclass
class Peers:
    """Answers for one recording. `sessions` are slices by audit session."""

    manifest: Manifest
    sessions: Mapping[int, str]
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
        for detonation in self.manifest.detonations:
            attack = detonation.attack
            if attack and attack.started.timestamp() - _SLACK <= at <= attack.finished.timestamp() + _SLACK:
                return detonation.atomic
        return ""

    def running(self, at: float) -> str:
        """As `during`, to the microsecond: what Livefire does itself stands right before and right after."""
        attacks = ((d.attack, d.atomic) for d in self.manifest.detonations if d.attack)
        return next((whose for a, whose in attacks if a.started.timestamp() <= at <= a.finished.timestamp()), "")

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
        if container := _CONTAINER_ID.search(str(peer.get("cgroup") or "")):
            return self._containers.get(container[0], BACKGROUND)
        return (
            HARNESS if pids[0] == self.manifest.harness_pid or pids[1:2] == [self.manifest.harness_pid] else BACKGROUND
        )

    def _shell(self, pid: object, at: float) -> str:
        """Whose shell a living process with that pid is at that moment, of those that Livefire started."""
        for detonation in self.manifest.detonations:
            attack = [(detonation.attack, detonation.atomic)] if detonation.attack else []
            for execution, whose in [*attack, *((each, HARNESS) for each in detonation.others)]:
                started, finished = execution.started.timestamp(), execution.finished.timestamp()
                if execution.pid == pid and started - _SLACK <= at <= finished + _SLACK:
                    return whose
        return ""
