"""Whether the gateways' requests, the Docker daemon's debug log and its events agree.

They record the same things, so a line that one of them lost is in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.judge.health.disagreement import Disagreement
from harness.judge.health.event_agreement import not_asked, not_ended, not_told, read_events
from harness.judge.health.log_agreement import bodies_not_logged, not_logged, not_noted, read_calls
from harness.model.manifest import Manifest
from harness.recording import layout
from harness.telemetry.readers.gateway_requests import read_requests

__all__ = ["Disagreement", "disagreements"]


def disagreements(read: Callable[[str], bytes], manifest: Manifest) -> list[Disagreement]:
    """The disagreements of one recording, by time. `read` gives a raw file. Only recorded files are compared.

    In older recordings only requests during attacks were noted, and their file did not belong to the sensor.
    """
    return sorted(_disagreements(read, manifest), key=lambda d: d.at)


def _disagreements(read: Callable[[str], bytes], manifest: Manifest) -> Iterator[Disagreement]:
    record = manifest.sensor("docker_daemon")
    if record is None:
        return
    requests = read_requests(read(layout.DAEMON_REQUESTS).decode(errors="replace").split("\n"))
    all_noted = layout.DAEMON_REQUESTS in record.files
    events = list(read_events(read(layout.DAEMON_EVENTS).split(b"\n")))
    if layout.DAEMON_LOG in record.files:
        lines = read(layout.DAEMON_LOG).split(b"\n")
        calls, inspected = read_calls(lines), {event.id: event.inspect for event in events if event.inspect}
        yield from not_logged(requests, calls)
        yield from bodies_not_logged(requests, lines, inspected)
        if manifest.lab.own_docker:
            yield from (d for d in not_noted(requests, calls) if all_noted or _attacked(manifest, d.at))
    if layout.DAEMON_EVENTS in record.files:
        yield from not_told(requests, events)
        yield from not_ended(events)
        if manifest.lab.own_docker and all_noted:
            yield from not_asked(requests, events)


def _attacked(manifest: Manifest, at: float) -> bool:
    attacks = (d.attack for d in manifest.detonations if d.attack)
    return any(attack.started.timestamp() <= at <= attack.finished.timestamp() for attack in attacks)
