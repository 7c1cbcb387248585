"""The requests that the gateways noted, and the Docker daemon's events.

The daemon tells of each container that it makes, starts or removes, and of each process that it is to execute in one,
before it answers the request (Docker Engine API, SystemEvents).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.proof.agreement.disagreement import Disagreement, lacks, place_in
from harness.proof.attribution import DockerRequest
from harness.proof.attribution.twins import SLACK, within
from harness.proof.tables.docker_configuration import as_object
from harness.proof.tables.docker_events import DaemonEvent
from harness.recording import layout

_EXEC = re.compile(r"^/exec/([0-9a-f]{64})/start$")
_START = re.compile(r"^/containers/([^/]+)/start$")
_CONTAINER = re.compile(r"^/containers/([^/]+)$")
_BUILDS = ("/build", "/grpc", "/session")
_SERVICE = "com.docker.swarm.service.id"
_SHORT = 12  # as Docker shows an id


@dataclass(frozen=True)
class ContainerEvent:
    """One event of a container; `at` in seconds, epoch. `inspect` is what its container was when it was created."""

    at: float
    action: str
    id: str
    attributes: dict[str, Any]
    inspect: dict[str, Any] | None = None


def read_events(lines: Iterable[bytes]) -> Iterator[ContainerEvent]:
    """The events of containers; other lines are passed over."""
    for line in lines:
        item = as_object(line) if b'"container"' in line else {}
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
    """What was granted and no event tells of."""
    created = {each.id for each in events if each.action == "create"}
    executed = {(each.action, str(each.attributes.get("execID"))) for each in events}
    acts: dict[str, list[tuple[float, str, str]]] = defaultdict(list)
    for event in sorted(events, key=lambda each: each.at):
        acts[event.action].append((event.at, event.id, str(event.attributes.get("name", ""))))
    for request in requests:
        action, container = _act(request)
        missing = ""
        if request.container_id and request.container_id not in created:
            missing = f"the create of container {request.container_id[:_SHORT]}"
        elif request.exec_id and ("exec_create", request.exec_id) not in executed:
            missing = f"the exec_create of {request.exec_id[:_SHORT]}"
        elif (entered := _entered(request)) and ("exec_start", entered) not in executed:
            missing = f"the exec_start of {entered[:_SHORT]}"
        elif action and not _is_told(request, container, acts[action]):
            missing = f"the {action} of container {container[:_SHORT]}"
        if missing:
            yield lacks(layout.DAEMON_EVENTS, missing, layout.DAEMON_REQUESTS, request.sent)


def not_ended(events: Iterable[ContainerEvent]) -> Iterator[Disagreement]:
    """Containers that were started and removed: in between, each ended as often as it started."""
    of: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        of[event.id][event.action].append(event.at)
    for identifier, told in of.items():
        if told["destroy"] and len(told["start"]) > len(told["die"]):
            missing = f"the die of container {identifier[:_SHORT]}"
            yield Disagreement(max(told["start"]), f"{layout.DAEMON_EVENTS} lacks {missing}, which was removed")


def _entered(request: DockerRequest) -> str:
    """The id of the process that was to be executed in a container, where that was granted."""
    match = _EXEC.match(place_in(request.path)) if request.method == "POST" else None
    return match[1] if match and request.status in (101, 200) else ""


def _is_told(request: DockerRequest, container: str, events: list[tuple[float, str, str]]) -> bool:
    """Whether one of these events, by time, is of this container, and of the time of the request."""
    first = bisect_left(events, (request.sent - SLACK, "", ""))
    for at, identifier, name in events[first:]:
        if at > request.answered + SLACK:
            return False
        if name == container or identifier.startswith(container):
            return True
    return False


def not_asked(requests: list[DockerRequest], events: Iterable[ContainerEvent]) -> Iterator[Disagreement]:
    """New containers that nobody asked for. The daemon makes some itself: for services, and for the steps of builds."""
    asked = {each.container_id for each in requests if each.container_id}
    others = [r.window for r in requests if place_in(r.path) in _BUILDS or (r.creates and not r.container_id)]
    for event in events:
        own = event.action != "create" or _SERVICE in event.attributes or event.id in asked
        if not own and not any(within(window, event.at) for window in others):
            what = f"the request for container {event.id[:_SHORT]}"
            yield lacks(layout.DAEMON_REQUESTS, what, layout.DAEMON_EVENTS, event.at)


def _act(request: DockerRequest) -> tuple[str, str]:
    """The event by which it is told that a request was granted, and what the request calls the container."""
    place = place_in(request.path)
    if request.status != 204:
        return "", ""
    if request.method == "POST" and (started := _START.match(place)):
        return "start", started[1]
    if request.method == "DELETE" and (removed := _CONTAINER.match(place)):
        return "destroy", removed[1]
    return "", ""
