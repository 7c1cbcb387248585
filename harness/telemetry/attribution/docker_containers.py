"""To whom a container of the daemon belongs at a moment (its maker or last starter), and who executes in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from harness.recording.json_lines import parsed, whole
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.schema import BACKGROUND

_START = re.compile(r"^(?:/v[\d.]+)?/containers/([^/?]+)/(?:start|restart)(?:\?|$)")
_EXEC = re.compile(r"^(?:/v[\d.]+)?/containers/([^/?]+)/exec(?:\?|$)")
_SERVICE = "com.docker.swarm.service.id"


@dataclass(frozen=True)
class Created:
    """A container's creation, from the daemon's events; `at` in seconds, epoch; `service` is 'None' for none."""

    at: float
    service: str


@dataclass
class DockerContainers:
    """The Docker containers of one recording. Requests must be noted first, in order, with the slices of their senders.

    `events` are the lines of `raw/docker-events.jsonl`; `unknown` gives the slice of what no gateway noted.
    """

    unknown: Callable[[float], str]
    events: Iterable[bytes] = ()
    _names: dict[str, str | None] = field(default_factory=dict)
    _created: dict[str, Created] = field(default_factory=dict)
    _executed: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    _makers: dict[str, str] = field(default_factory=dict)
    _services: dict[str, str] = field(default_factory=dict)
    _built: list[tuple[str, str]] = field(default_factory=list)
    _runs: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    _asked: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    _noted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for line in self.events:
            try:
                self._read(parsed(line)["event"])
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
                continue

    def note(self, request: DockerRequest) -> None:
        """Take in a request. Requests must come in the order in which they were sent."""
        whose, path = request.atomic, request.path
        if request.container_id:
            self._makers[request.container_id] = whose
        if request.service_id:
            self._services.setdefault(request.service_id, whose)
        self._built += [(short, whose) for short in request.built]
        if request.method != "POST" or request.status >= 300:
            return
        if match := _START.match(path):
            self._runs.setdefault(self._resolve(match[1]), []).append((request.sent, whose))
        elif match := _EXEC.match(path):
            self._asked.setdefault(self._resolve(match[1]), []).append((request.sent, whose))
            self._noted.add(request.exec_id)

    def of(self, container: str, at: float | None = None) -> str:
        """The slice of a container at a moment (seconds, epoch); empty for an unknown container."""
        runs = [whose for sent, whose in self._runs.get(container, ()) if at is not None and sent <= at]
        return runs[-1] if runs else self._makers.get(container) or self._maker(container)

    def executing(self, container: str, at: float) -> set[str]:
        """The slices of all parties that executed something in a container by a moment."""
        past = [when for when, id_ in self._executed.get(container, ()) if when <= at and id_ not in self._noted]
        askers = {whose for sent, whose in self._asked.get(container, ()) if sent <= at}
        return askers | {self.unknown(when) or BACKGROUND for when in past}

    def _read(self, event: dict[str, object]) -> None:
        actor, at = event["Actor"], whole(event["timeNano"])
        if event["Type"] != "container" or not isinstance(actor, dict):
            return
        attributes, identifier = actor.get("Attributes") or {}, str(actor["ID"])
        self._names.setdefault(identifier, attributes.get("name"))
        if event["Action"] == "create":
            self._created[identifier] = Created(at / 1e9, str(attributes.get(_SERVICE)))
        elif str(event["Action"]).startswith("exec_create"):
            self._executed.setdefault(identifier, []).append((at / 1e9, str(attributes.get("execID"))))

    def _maker(self, container: str) -> str:
        """The maker of a container without a create request: a build, a service, or an unknown party."""
        creation = self._created.get(container)
        if creation is None:
            return ""
        built = (whose for short, whose in self._built if container.startswith(short))
        return self._services.get(creation.service) or next(built, None) or self.unknown(creation.at)

    def _resolve(self, name: str) -> str:
        """The id of a container from its id, a prefix of it, or its name."""
        named = [id_ for id_, container_name in self._names.items() if container_name == name]
        begun = [id_ for id_ in self._names if id_.startswith(name)]
        matches = [name] if name in self._names else named or begun
        return matches[-1] if len(matches) == 1 else name
