"""Rows of `DockerDaemon_CL` from the daemon's events, and from the inspect of each new container.

Source: Docker Engine API, SystemEvents and ContainerInspect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from harness.model.manifest import HARNESS
from harness.telemetry.attribution import Attribution
from harness.telemetry.attribution.docker_requests import FILE_ACTIONS
from harness.telemetry.readers.arrivals import ArrivalOf
from harness.telemetry.readers.audit_log import number
from harness.telemetry.readers.container_configuration import as_object, configuration, masked
from harness.telemetry.schema import ARRIVED, BACKGROUND, RECORD, SLICE, Row, complete, sql_time

_Alike = tuple[str, str, str, str]  # type and action of an event, id and name of its object


@dataclass(frozen=True)
class DaemonEvent:
    """One event; `at` in seconds, epoch, None where it has no time."""

    kind: str
    action: str
    id: str
    attributes: dict[str, Any]
    at: float | None

    @classmethod
    def of(cls, item: dict[str, Any]) -> DaemonEvent | None:
        """The event on a line of the recording; None where there is none."""
        event = item.get("event")
        actor = event.get("Actor") if isinstance(event, dict) else None
        if not isinstance(event, dict) or not isinstance(actor, dict):
            return None
        attributes, at = actor.get("Attributes"), event.get("timeNano")
        return cls(
            str(event.get("Type", "")),
            str(event.get("Action", "")),
            str(actor.get("ID", "")),
            attributes if isinstance(attributes, dict) else {},
            at / 1e9 if type(at) is int and abs(at) < 1 << 63 else None,
        )

    @property
    def name(self) -> str:
        """The name of its object."""
        return str(self.attributes.get("name", ""))

    @property
    def alike(self) -> _Alike:
        """What it shares with events that look the same."""
        return self.kind, self.action, self.id, self.name

    @property
    def container(self) -> str:
        """The id of its container; empty for none."""
        return self.id if self.kind == "container" else str(self.attributes.get("container", ""))


def event_rows(
    lines: Iterable[bytes], file: str, attribution: Attribution, arrival: ArrivalOf
) -> tuple[list[Row], dict[str, dict[str, Any]]]:
    """Rows of events (Source `event`) and inspects (`inspect`), and the inspects by container id."""
    rows: list[Row] = []
    inspected: dict[str, dict[str, Any]] = {}
    lines = list(lines)
    alike = _moments(lines)
    offset = 0
    for place, line in enumerate(lines, 1):
        offset += len(line)
        item = as_object(line)
        event = DaemonEvent.of(item)
        if event is None:
            continue
        where: Row = {RECORD: f"{file}:{place}", ARRIVED: arrival(offset)}
        row = _row(event, _whose(event, attribution, alike.get(event.alike, ())))
        rows.append(complete("DockerDaemon_CL", row | where))
        inspect, suffix = item.get("inspect"), ""
        if inspect is None and event.action == "create" and event.container:
            # the container ended before its inspect: the daemon granted what was requested
            inspect, suffix = attribution.docker.asked_for(event.container), ", as requested"
        if isinstance(inspect, dict) and event.container:
            inspected[event.container] = inspect
            config, host = inspect.get("Config") or {}, inspect.get("HostConfig") or {}
            detail = row | configuration(config, host) | {"Source": "inspect", "Body": masked(inspect)}
            detail["Message"] += suffix
            rows.append(complete("DockerDaemon_CL", detail | where))
    return rows, inspected


def _moments(lines: Iterable[bytes]) -> dict[_Alike, list[float]]:
    """The times of alike events, for events without a container or of its files."""
    moments: dict[_Alike, list[float]] = defaultdict(list)
    for line in lines:
        event = DaemonEvent.of(as_object(line))
        if event and event.at is not None and (not event.container or event.action in FILE_ACTIONS):
            moments[event.alike].append(event.at)
    return moments


def _whose(event: DaemonEvent, attribution: Attribution, moments: Collection[float]) -> str:
    at, docker = event.at, attribution.docker
    if at is None:
        return attribution.of_container(event.container) if event.container else BACKGROUND
    if event.kind == "image" and attribution.canaries.tags(event.name, at):
        return HARNESS
    if executed := str(event.attributes.get("execID", "")):
        return docker.of_exec([executed], at)
    if event.action in FILE_ACTIONS:
        return docker.of_files(event.action, event.container, event.name, at, moments)
    if event.container:
        return attribution.of_container(event.container, at)
    if event.kind == "image":
        return docker.of_image(event.id, at, moments)
    return docker.of_kind(event.kind, at, moments)


def _row(event: DaemonEvent, whose: str) -> Row:
    return {
        "TimeGenerated": None if event.at is None else sql_time(event.at),
        "Source": "event",
        "Message": f"{event.kind} {event.action}",
        "Action": event.action,
        "ContainerId": event.container,
        "ContainerName": event.name if event.kind == "container" else "",
        "Image": str(event.attributes.get("image", "")),
        "ExitCode": number(str(event.attributes.get("exitCode", ""))),
        SLICE: whose,
    }
