"""Whether a manifest can come from a capture: one that contradicts itself is refused before anything is judged.

A capture runs one command after another, each in its own audit session, and emits canaries in between. All times are
of one clock, so they are in this order; times that another process noted have some slack.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise

from harness.model.manifest import Detonation, Execution, Manifest, SensorRecord
from harness.recording import layout

SLACK = timedelta(seconds=60)  # a clock may be set during a capture, but not by years
_STARTING = timedelta(minutes=10)  # until all sensors have started, and for what comes after the end


def contradiction(manifest: Manifest) -> str:
    """The first contradiction; empty where there is none."""
    return next(_contradictions(manifest), "")


def _contradictions(manifest: Manifest) -> Iterator[str]:
    if manifest.finished < manifest.started:
        yield "its capture finished before it started"
    for atomic, count in _repeated(detonation.atomic for detonation in manifest.detonations):
        yield f"{atomic} was detonated {count} times, so the evidence of one would prove the others"
    for detonation in manifest.detonations:
        yield from _of_detonation(detonation)
    for user, count in _repeated(detonation.user for detonation in manifest.detonations):
        yield f"{count} atomics have the Kubernetes user {user}"
    users = {detonation.user for detonation in manifest.detonations if detonation.user}
    for user in sorted(users & set(manifest.harness_users)):
        yield f"an atomic has a Kubernetes user of Livefire's, {user}"
    ran = [(detonation, execution) for detonation in manifest.detonations for execution in _in_order(detonation)]
    for session, count in _repeated(execution.session for _, execution in ran):
        yield f"{count} commands have the audit session {session}"
    for detonation, execution in ran:
        yield from _of_execution(detonation.atomic, execution, manifest)
    for (before, first), (after, second) in pairwise(ran):
        if second.started < first.finished:
            yield f"the {second.role} of {after.atomic} started before the {first.role} of {before.atomic} was over"
    for name, count in _repeated(sensor.name for sensor in manifest.sensors):
        yield f"there are {count} records of {name}"
    for sensor in manifest.sensors:
        yield from _of_sensor(sensor, manifest, ran)
    canaries = [canary.token for _, execution in ran for canary in execution.canaries]
    tokens = [mark.token for sensor in manifest.sensors for mark in sensor.marks]
    for token, count in _repeated([*tokens, *canaries]):
        yield f"there are {count} canaries of the token {token}"


def _repeated(values: Iterable[str | int | None]) -> Iterator[tuple[str | int, int]]:
    counts = Counter(value for value in values if value is not None)
    yield from ((value, count) for value, count in counts.items() if count > 1)


def _in_order(detonation: Detonation) -> list[Execution]:
    before = [execution for execution in detonation.others if execution.role == "prerequisite"]
    attack = [detonation.attack] if detonation.attack else []
    after = [execution for execution in detonation.others if execution.role != "prerequisite"]
    return [*before, *attack, *after]


def _of_detonation(detonation: Detonation) -> Iterator[str]:
    variant = detonation.variant
    if variant and variant.id != detonation.atomic:
        yield f"{detonation.atomic} is recorded as the variant {variant.id}, whose effect would prove it"
    if detonation.skipped and detonation.attack:
        yield f"{detonation.atomic} was skipped, but it was run"
    if detonation.attack and detonation.attack.role != "attack":
        yield f"{detonation.atomic}: what is recorded as its attack is its {detonation.attack.role}"
    if any(execution.role == "attack" for execution in detonation.others):
        yield f"{detonation.atomic} has a further attack"
    if detonation.lost and not detonation.skipped:
        yield f"{detonation.atomic} was lost, but nothing says why"


def _of_execution(atomic: str, execution: Execution, manifest: Manifest) -> Iterator[str]:
    if execution.finished < execution.started:
        yield f"{atomic}: its {execution.role} finished before it started"
    if execution.pid == manifest.harness_pid:
        yield f"{atomic}: its {execution.role} has the pid of Livefire"
    # differences, since adding to a time in the first or last year would overflow
    if manifest.started - execution.started > SLACK or execution.finished - manifest.finished > SLACK:
        yield f"{atomic}: its {execution.role} was not during the capture"


def _lab_of(sensor: str, manifest: Manifest) -> object:
    """The part of the lab that a sensor watches."""
    return {"auditd": True, "docker_daemon": manifest.lab.docker, "kube_audit": manifest.lab.cluster}[sensor]


def _streams(sensor: str, manifest: Manifest) -> list[str]:
    """The files that a sensor writes: each must carry its canaries. The log of a host's own daemon is not read."""
    log = [layout.DAEMON_LOG] if manifest.lab.own_docker else []
    requests = [layout.DAEMON_REQUESTS] if "peers" in manifest.recorded else []
    of_docker = [layout.DAEMON_EVENTS, *log, *requests]
    return {"auditd": [layout.AUDIT_LOG], "docker_daemon": of_docker, "kube_audit": [layout.KUBE_AUDIT]}[sensor]


def _of_sensor(sensor: SensorRecord, manifest: Manifest, ran: list[tuple[Detonation, Execution]]) -> Iterator[str]:
    if not _lab_of(sensor.name, manifest):
        yield f"there is a record of {sensor.name}, but what it watches was no part of the lab"
    for name in _streams(sensor.name, manifest):
        if name not in sensor.files:
            yield f"{name} is not among the files of {sensor.name}"
    before, after = sensor.before.time, sensor.after.time
    if after < before:
        yield f"{sensor.name} has a check after the capture that is earlier than the check before it"
    if abs(manifest.started - before) > _STARTING or abs(after - manifest.finished) > _STARTING:
        yield f"{sensor.name} was not checked around the capture"
    times = [mark.emitted for mark in sensor.marks]
    if times != sorted(times):
        yield f"the canaries of {sensor.name} are out of order"
    for mark in sensor.marks:
        if manifest.started - mark.emitted > SLACK or mark.emitted - manifest.finished > SLACK:
            yield f"{sensor.name}: the canary {mark.token} was not emitted during the capture"
        if mark.seen is not None and mark.emitted - mark.seen > SLACK:
            yield f"{sensor.name} saw the canary {mark.token} before it was emitted"
        if mark.seen is not None and mark.seen - manifest.finished > _STARTING:
            yield f"{sensor.name} saw the canary {mark.token} long after the capture"
    yield from _of_marks(sensor, ran)


def _of_marks(sensor: SensorRecord, ran: list[tuple[Detonation, Execution]]) -> Iterator[str]:
    """Marks lie between executions; the mark after an atomic lies before the executions of the next one."""
    place, last = 0, {detonation.atomic: number for number, (detonation, _) in enumerate(ran)}
    for mark in sorted(sensor.marks, key=lambda mark: mark.emitted):
        while place < len(ran) and ran[place][1].finished <= mark.emitted:
            place += 1
        if place < len(ran) and ran[place][1].started < mark.emitted:
            yield f"{sensor.name}: the canary {mark.token} was emitted while {ran[place][0].atomic} ran"
        atomic = mark.label.removeprefix("after:")
        if atomic != mark.label and place - 1 != last.get(atomic, place - 1):
            yield f"{sensor.name}: the canary {mark.token} was not emitted after {atomic}"
