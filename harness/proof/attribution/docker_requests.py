"""What the atomics asked of the Docker daemon, as their gateways noted it, and whose a record of the daemon's is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from harness.proof.tables.schema import BACKGROUND, ambiguous, one_of

_FILES = re.compile(r"/containers/([^/]+)/(?:archive|copy|export)(?:\?|$)")
_CREATE = re.compile(r"/containers/create(\?|$)")
# dockerd writes its log with the clock of this host; what it logs on a request lies between these two moments.
_SLACK = 0.005


@dataclass(frozen=True)
class DockerRequest:
    """One request that an atomic sent to the daemon (`raw/docker-requests.jsonl`); times in seconds, epoch.

    `config` is what it asked for of a new container, `peer` the process that sent it; older recordings have neither.
    """

    atomic: str
    sent: float
    answered: float
    method: str
    path: str
    status: int
    container_id: str
    exec_id: str = ""
    image: str = ""
    config: dict[str, Any] | None = None
    service_id: str = ""
    built: tuple[str, ...] = ()
    peer: dict[str, Any] | None = None


def read_requests(lines: Iterable[str]) -> list[DockerRequest]:
    """The requests of a recording; lines that are none are passed over."""
    return [found for line in lines if (found := read_request(line)) is not None]


def read_request(line: str) -> DockerRequest | None:
    """The request on one line; None where it is damaged."""
    try:
        item = json.loads(line)
        return DockerRequest(
            atomic=str(item["atomic"]),
            sent=float(item["sent"]),
            answered=float(item["answered"]),
            method=str(item["method"]),
            path=str(item["path"]),
            status=int(item["status"]),
            container_id=str(item.get("container_id") or ""),
            exec_id=str(item.get("exec_id") or ""),
            image=str(item.get("image") or ""),
            config=item["config"] if isinstance(item.get("config"), dict) else None,
            service_id=str(item.get("service_id") or ""),
            built=tuple(str(each) for each in item.get("built") or ()),
            peer=item["peer"] if isinstance(item.get("peer"), dict) else None,
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


@dataclass
class DockerRequests:
    """All requests of one recording. `during` tells the atomic whose attack ran at a moment, or an empty text."""

    requests: list[DockerRequest]
    during: Callable[[float], str] = lambda _: ""
    _told: set[tuple[object, ...]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.containers = {r.container_id: r.atomic for r in self.requests if r.container_id}
        self._asked = {r.container_id: r.config for r in self.requests if r.container_id and r.config is not None}
        self._execs = {r.exec_id: r.atomic for r in self.requests if r.exec_id}
        # only since peers are noted does a gateway stand before the daemon's own socket, too
        self.all_noted = any(r.peer is not None for r in self.requests)

    def asked_for(self, container_id: str) -> dict[str, Any] | None:
        """The configuration that was asked for, in the form of an inspect; None where nobody knows it."""
        asked = self._asked.get(container_id)
        if asked is None:
            return None
        host = asked.get("HostConfig")
        host = host if isinstance(host, dict) else {}
        return {"Config": asked, "HostConfig": host, "Mounts": _mounts(host)}

    def unknown(self, at: float) -> str:
        """The slice of what somebody asked of the daemon past all gateways: it may be that of the attack that ran."""
        running = self.during(at) if self.all_noted else ""
        return ambiguous(running) if running else ""

    def of_exec(self, exec_id: str) -> str:
        """The slice of a process that is executed in a container: whose it is tells who asked, not whose container."""
        return self._execs.get(exec_id, BACKGROUND)

    def asked_by(self, method: str, uri: str, at: float) -> str:
        """Who asked for this at that moment; empty where nobody did, ambiguous where several parties did the same."""
        asked = (r.atomic for r in self.requests if (r.method, r.path) == (method, uri) and _within(r, at))
        return one_of(asked)

    def of_request(self, method: str, uri: str, at: float) -> str:
        """The slice of a request in the daemon's log."""
        found = self.asked_by(method, uri, at)
        if not found and method not in ("GET", "HEAD"):  # Livefire looks at the daemon past the gateways
            found = self.unknown(at)
        return found or BACKGROUND

    def of_image(self, image: str, event: tuple[str, ...], at: float) -> str:
        """The slice of an event of an image: that of the request which made it and was under way, once for each."""
        for place, request in enumerate(self.requests):
            told = (place, *event)
            if request.image and request.image == image and _within(request, at) and told not in self._told:
                self._told.add(told)
                return request.atomic
        return BACKGROUND

    def of_files(self, container_id: str, name: str, at: float) -> str:
        """The slice of an event that files were fetched from a container, or put into it: that of who asked for it."""
        asked = set()
        for request in self.requests:
            match = _FILES.search(request.path)
            named = match is not None and (container_id.startswith(match[1]) or match[1] == name)
            if named and _within(request, at):
                asked.add(request.atomic)
        return one_of(asked) or BACKGROUND

    def creates_at(self, at: float) -> list[DockerRequest]:
        """The atomics' successful creations that were under way at a moment."""
        return [r for r in self.requests if r.container_id and _CREATE.search(r.path) and _within(r, at)]


def _within(request: DockerRequest, at: float) -> bool:
    return request.sent - _SLACK <= at <= request.answered + _SLACK


def _mounts(host: dict[str, Any]) -> list[dict[str, Any]]:
    """What is to be mounted, as an inspect tells it (Docker Engine API: HostConfig.Binds and Mounts, MountPoint)."""
    found = []
    for bind in host.get("Binds") or []:
        source, _, rest = str(bind).partition(":")
        target, _, options = rest.partition(":")
        if source.startswith("/"):  # else a volume's name, and where that lies the daemon knows
            found.append({"Source": source, "Destination": target, "RW": "ro" not in options.split(",")})
    for mount in host.get("Mounts") or []:
        if isinstance(mount, dict) and mount.get("Type") == "bind":
            writable = not mount.get("ReadOnly")
            found.append({"Source": mount.get("Source"), "Destination": mount.get("Target"), "RW": writable})
    return found
