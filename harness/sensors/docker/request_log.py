"""The log of requests to the Docker daemon through gateways, and of failures to note one."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import first_line
from harness.sensors.docker.daemon_answers import place_of
from harness.sensors.docker.peer import Peer
from harness.sensors.redaction import redact_query


@dataclass(frozen=True)
class ApiRequest:
    """One request to the daemon. Times are seconds since the epoch.

    `container_id` is the id of a new container, `exec_id` of a process to be executed in one; `image` was built, pulled
    or pushed, and is named as in an event. `config` is the configuration of a new container in the request, since the
    container may be gone before it can be inspected; `body_bytes` is the length of that request's body. `service_id` is
    the id of a new service, whose containers the daemon makes; `built` are the short ids of a build's containers.
    `peer` is the process that sent the request, on any of the sockets. `status` is 0 where the daemon did not answer.
    """

    atomic: str
    pid: int
    sent: float
    answered: float
    method: str
    path: str
    status: int
    container_id: str | None
    exec_id: str | None = None
    image: str | None = None
    config: dict[str, Any] | None = None
    service_id: str | None = None
    built: tuple[str, ...] = ()
    peer: Peer | None = None
    body_bytes: int | None = None

    def line(self) -> str:
        """Its line in the recording, as JSON."""
        return json.dumps(asdict(self))


class RequestLog:
    """`raw/docker-requests.jsonl`, a request per line. Gateways and their threads share a log."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._writing = threading.Lock()
        self._problems: list[str] = []
        self._lock = threading.Lock()

    def note(self, request: ApiRequest) -> None:
        """Write a request. A failure, such as on a full disk, is a problem and no error: the request has passed."""
        try:
            line = replace(request, path=redact_query(request.path)).line() + "\n"
            with self._writing, self._target.open("a", encoding="utf-8") as out:
                out.write(line)
        except Exception as error:
            self.tell(f"{request.method} {place_of(request.path)} could not be noted: {first_line(error)}")

    def tell(self, problem: str) -> None:
        """Add a problem: evidence may be missing, or something may be left."""
        with self._lock:
            self._problems.append(problem)

    def take_problems(self) -> list[str]:
        """The problems since the last call."""
        with self._lock:
            problems, self._problems = self._problems, []
        return problems
