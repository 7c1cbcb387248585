"""Whether a manifest can be of a capture at all: what contradicts itself is refused before anything is judged by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from harness.model.manifest import Execution, Manifest

_SLACK = timedelta(seconds=60)  # a clock may be set during a capture, but not by years


def contradiction(manifest: Manifest) -> str:
    """The first thing that can't be; empty where there is none."""
    return next(_contradictions(manifest), "")


def _contradictions(manifest: Manifest) -> Iterator[str]:
    if manifest.finished < manifest.started:
        yield "its capture finished before it started"
    for atomic, count in Counter(each.atomic for each in manifest.detonations).items():
        if count > 1:
            yield f"{atomic} was detonated {count} times, and each would be proven by the evidence of the others"
    for detonation in manifest.detonations:
        for execution in [*([detonation.attack] if detonation.attack else []), *detonation.others]:
            yield from _of_execution(detonation.atomic, execution, manifest)
    for sensor in manifest.sensors:
        for token, count in Counter(mark.token for mark in sensor.marks).items():
            if count > 1:
                yield f"{sensor.name} has {count} canaries of the token {token}"
        times = [mark.emitted for mark in sensor.marks]
        if times != sorted(times):
            yield f"the canaries of {sensor.name} are out of order"
        for mark in sensor.marks:
            if mark.seen is not None and mark.seen < mark.emitted - _SLACK:
                yield f"{sensor.name} saw the canary {mark.token} before it was emitted"


def _of_execution(atomic: str, execution: Execution, manifest: Manifest) -> Iterator[str]:
    if execution.finished < execution.started:
        yield f"{atomic}: its {execution.role} finished before it started"
    if execution.started < manifest.started - _SLACK or execution.finished > manifest.finished + _SLACK:
        yield f"{atomic}: its {execution.role} was not during the capture"
