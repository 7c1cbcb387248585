"""What is asked of the Docker daemon by way of gateways: noted, and what could not be noted is told."""

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

    `container_id` is that of a new container, `exec_id` that of a process to be executed in one; `image` what was
    built, pulled or pushed, as an event would name it. `config` is what was asked for of a new container: it may be
    gone before the daemon can be asked what it was; `body_bytes` is how long that request's body was. `service_id` is
    that of a new service, whose containers the daemon makes; `built` are the short ids of those that a build ran.
    `peer` is the process that asked: whoever it was, on whichever socket. `status` is 0 where the daemon did not
    answer.
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
        """As it stands in the recording."""
        return json.dumps(asdict(self))


class RequestLog:
    """`raw/docker-requests.jsonl`, a request a line. Gateways share a log, and so do their threads."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._writing = threading.Lock()
        self._problems: list[str] = []
        self._lock = threading.Lock()

    def note(self, request: ApiRequest) -> None:
        """Put a request down. Where that can't be done, on a full disk for one, it is told: the request has passed."""
        try:
            line = replace(request, path=redact_query(request.path)).line() + "\n"
            with self._writing, self._target.open("a", encoding="utf-8") as out:
                out.write(line)
        except Exception as error:
            self.tell(f"{request.method} {place_of(request.path)} could not be noted: {first_line(error)}")

    def tell(self, problem: str) -> None:
        """What was wrong: evidence may be missing, or something may be left."""
        with self._lock:
            self._problems.append(problem)

    def take_problems(self) -> list[str]:
        """What was told since the last time."""
        with self._lock:
            problems, self._problems = self._problems, []
        return problems
