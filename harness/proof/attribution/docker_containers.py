"""Whose a container of the daemon's is at a moment: who made it, or who started it since."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.proof.attribution.docker_requests import DockerRequests
from harness.recording.json_lines import parsed

_START = re.compile(r"^(?:/v[\d.]+)?/containers/([^/?]+)/(?:start|restart)(?:\?|$)")
_SERVICE = "com.docker.swarm.service.id"


@dataclass(frozen=True)
class Created:
    """A container's creation, as the daemon's events tell it; `at` in seconds, epoch."""

    at: float
    service: str | None


@dataclass
class DockerContainers:
    """Answers for one recording. `events` are the lines of `raw/docker-events.jsonl`."""

    docker: DockerRequests
    events: Iterable[bytes] = ()
    _names: dict[str, str | None] = field(default_factory=dict)
    _makers: dict[str, str] = field(init=False)
    _runs: dict[str, list[tuple[float, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        made = {container: self._maker(container, creation) for container, creation in self._read().items()}
        self._makers = made | self.docker.containers
        for request in self.docker.requests:
            match = _START.match(request.path)
            if match and request.method == "POST" and request.status < 300:
                self._runs.setdefault(self._resolve(match[1]), []).append((request.sent, request.atomic))

    def of(self, container: str, at: float | None = None) -> str:
        """The slice of a container at a moment (seconds, epoch); empty where nothing is known of it."""
        runs = [whose for sent, whose in self._runs.get(container, ()) if at is not None and sent <= at]
        return runs[-1] if runs else self._makers.get(container, "")

    def _read(self) -> dict[str, Created]:
        found: dict[str, Created] = {}
        for line in self.events:
            try:
                event = parsed(line)["event"]
                actor, kind, at = event["Actor"], event["Type"], event["timeNano"] / 1e9
                attributes = actor.get("Attributes") or {}
                if kind != "container":
                    continue
                identifier = str(actor["ID"])
                self._names.setdefault(identifier, attributes.get("name"))
                if event["Action"] == "create":
                    found[identifier] = Created(at, attributes.get(_SERVICE))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
        return found

    def _maker(self, container: str, creation: Created) -> str:
        """Who made a container that no request of its own made: a build, a service, or nobody who is known."""
        for request in self.docker.requests:
            if creation.service and request.service_id == creation.service:
                return request.atomic
            if any(container.startswith(short) for short in request.built):
                return request.atomic
        return self.docker.unknown(creation.at)

    def _resolve(self, name: str) -> str:
        """The id of a container that was named by its id, the beginning of it, or its name."""
        named = [each for each, its in self._names.items() if its == name]
        begun = [each for each in self._names if each.startswith(name)]
        found = [name] if name in self._names else named or begun
        return found[-1] if len(found) == 1 else name
