"""The requests that the gateways noted, and the Docker daemon's events.

The daemon emits an event for each container that it makes, starts or removes, and for each exec in one, before it
answers the request (Docker Engine API, SystemEvents).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.judge.health.disagreement import Disagreement, lacks, place_in
from harness.recording import layout
from harness.telemetry.attribution.twins import SLACK, within
from harness.telemetry.readers.container_configuration import as_object
from harness.telemetry.readers.gateway_requests import DockerRequest, Window
from harness.telemetry.rows.daemon_event_rows import DaemonEvent

_EXEC = re.compile(r"^/exec/([0-9a-f]{64})/start$")
_START = re.compile(r"^/containers/([^/]+)/start$")
_CONTAINER = re.compile(r"^/containers/([^/]+)$")
_BUILDS = ("/build", "/grpc", "/session")
_SERVICE = "com.docker.swarm.service.id"
_SHORT = 12  # as Docker shows an id


@dataclass(frozen=True)
class ContainerEvent:
    """One event of a container; `at` in seconds, epoch. `inspect` is the container's inspect at its creation."""

    at: float
    action: str
    id: str
    attributes: dict[str, Any]
    inspect: dict[str, Any] | None = None


def read_events(lines: Iterable[bytes]) -> Iterator[ContainerEvent]:
    """The events of containers. Other lines are skipped."""
    for line in lines:
        item = as_object(line)
        event, inspect = DaemonEvent.of(item), item.get("inspect")
        if event is None or event.kind != "container" or event.at is None:
            continue
        yield ContainerEvent(
            event.at,
            event.action.partition(":")[0],  # `exec_create: COMMAND`
            event.id,
            event.attributes,
            inspect if isinstance(inspect, dict) else None,
        )


def not_told(requests: Iterable[DockerRequest], events: list[ContainerEvent]) -> Iterator[Disagreement]:
    """Granted requests without an event."""
    index = _EventIndex(events)
    for request in requests:
        if missing := index.missing(request):
            yield lacks(layout.DAEMON_EVENTS, missing, layout.DAEMON_REQUESTS, request.sent)


class _EventIndex:
    """The events, by container, exec and action."""

    def __init__(self, events: list[ContainerEvent]) -> None:
        self._created = {event.id for event in events if event.action == "create"}
        self._executed = {(event.action, str(event.attributes.get("execID"))) for event in events}
        self._acts: dict[str, list[ContainerEvent]] = defaultdict(list)
        for event in sorted(events, key=_at):
            self._acts[event.action].append(event)

    def missing(self, request: DockerRequest) -> str | None:
        """The event that a granted request lacks; None where it lacks none."""
        if request.container_id and request.container_id not in self._created:
            return f"the create of container {request.container_id[:_SHORT]}"
        if request.exec_id and ("exec_create", request.exec_id) not in self._executed:
            return f"the exec_create of {request.exec_id[:_SHORT]}"
        if (entered := _entered(request)) and ("exec_start", entered) not in self._executed:
            return f"the exec_start of {entered[:_SHORT]}"
        if (act := _act(request)) and not self._has(*act, request.window):
            return f"the {act[0]} of container {act[1][:_SHORT]}"
        return None

    def _has(self, action: str, container: str, window: Window) -> bool:
        """Whether an event in the window is of this container, given by its name or a prefix of its id."""
        events = self._acts[action]
        first = bisect_left(events, window[0] - SLACK, key=_at)
        last = bisect_right(events, window[1] + SLACK, key=_at)
        return any(
            event.attributes.get("name") == container or event.id.startswith(container) for event in events[first:last]
        )


def _at(event: ContainerEvent) -> float:
    return event.at


def not_ended(events: Iterable[ContainerEvent]) -> Iterator[Disagreement]:
    """Containers that were removed, but have more starts than ends."""
    of: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        of[event.id][event.action].append(event.at)
    for identifier, actions in of.items():
        if actions["destroy"] and len(actions["start"]) > len(actions["die"]):
            missing = f"the die of container {identifier[:_SHORT]}"
            yield Disagreement(max(actions["start"]), f"{layout.DAEMON_EVENTS} lacks {missing}, which was removed")


def not_asked(requests: list[DockerRequest], events: Iterable[ContainerEvent]) -> Iterator[Disagreement]:
    """New containers without a request. The daemon itself makes some, for services and for build steps."""
    requested = {request.container_id for request in requests} - {""}
    makers = [r.window for r in requests if place_in(r.path) in _BUILDS or (r.creates and not r.container_id)]
    for event in events:
        own = event.action != "create" or _SERVICE in event.attributes or event.id in requested
        if not own and not any(within(window, event.at) for window in makers):
            what = f"the request for container {event.id[:_SHORT]}"
            yield lacks(layout.DAEMON_REQUESTS, what, layout.DAEMON_EVENTS, event.at)


def _entered(request: DockerRequest) -> str | None:
    """The exec id of a granted request to start an exec; None for any other request."""
    match = _EXEC.match(place_in(request.path))
    return match[1] if match and request.method == "POST" and request.status in (101, 200) else None


def _act(request: DockerRequest) -> tuple[str, str] | None:
    """The action of the event that a granted request leads to, and the container as the request names it."""
    place = place_in(request.path)
    if request.status != 204:
        return None
    if request.method == "POST" and (started := _START.match(place)):
        return "start", started[1]
    if request.method == "DELETE" and (removed := _CONTAINER.match(place)):
        return "destroy", removed[1]
    return None
