"""One capture: sensors on, each atomic detonated between two marks, sensors drained, everything put back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from harness import interrupts
from harness.capture.detonator import detonate, not_detonated
from harness.capture.homes import Homes
from harness.capture.pulse import LabPulse
from harness.capture.shell import Surroundings
from harness.capture.tool_versions import host, lab_versions, tool_versions
from harness.errors import LivefireError, first_line
from harness.events import AtomicDetonated, AtomicStarted, LabStep, SensorDrained, Subscriber
from harness.host.halt import Makers
from harness.host.owned_folders import OwnedFolder, add_left_behind
from harness.lab.docker.docker_reach import HARNESS_SOCKET
from harness.lab.docker.image import REFERENCE
from harness.lab.kubernetes.kube_api import KubeApi
from harness.lab.lab import Lab
from harness.model.atomic import Atomic
from harness.model.manifest import HARNESS, RECORDED, Detonation, Manifest, SensorRecord
from harness.recording import RecordingWriter
from harness.sensors.auditd.audit_sensor import AuditdSensor
from harness.sensors.docker.docker_sensor import DockerDaemonSensor
from harness.sensors.kubernetes.kube_sensor import KubeAuditSensor
from harness.sensors.sensor import Arrivals, Sensor, now

T = TypeVar("T")


class Capture:
    """A capture in a lab. `owned` holds what is made for it alone; its ledger is undone at the end."""

    def __init__(self, lab: Lab, recording: RecordingWriter, subscriber: Subscriber, timeout: float) -> None:
        self.lab = lab
        self._subscriber = subscriber
        self._timeout = timeout
        self._recording = recording
        self._api = KubeApi(lab.cluster.kubeconfig) if lab.cluster else None
        self.owned = OwnedFolder.create("run")
        try:
            self._sense()
        except BaseException as error:  # nobody else can undo it yet
            add_left_behind(error, self.owned.undo())
            raise

    def _sense(self) -> None:
        """What sees the attacks, and where they stand."""
        arrivals, docker, cluster = Arrivals(self._recording), self.lab.docker, self.lab.cluster
        self._audit = AuditdSensor(self.owned, arrivals, docker, self.lab.owned.id)
        self._docker = DockerDaemonSensor(docker, arrivals, self.owned) if docker else None
        kube = KubeAuditSensor(self._api, cluster, arrivals, self.owned) if self._api and cluster else None
        self._gateways = self._docker.gateways if self._docker else None
        self._sensors = [sensor for sensor in (self._audit, self._docker, kube) if sensor]
        self._homes = Homes(self.owned, cluster, self._api)
        self._pulse = LabPulse(docker.socket if docker else None, self._api, self._homes.owner, self._in_use)

    def run(self, atomics: Sequence[Atomic]) -> Manifest:
        """Detonate the atomics one after the other; returns the manifest, still without hashes.

        Raises LabUnavailable when a sensor does not start. A sensor that breaks later is a result, not an error.
        """
        with self._makers(1) as pool, self._gateways.front() if self._gateways else contextlib.nullcontext():
            versions = pool.submit(tool_versions, self.lab.owned.path / "versions.json")  # may take longer than atomics
            with self._gateway(HARNESS, HARNESS_SOCKET) as socket:
                self._for_all(self._start)
                started = now()
                self._mark("start")
                detonations = self._detonate_all(atomics, self._homes.surroundings(HARNESS, socket))
            finished = now()
            drained = self._for_all(self._drain)
        return self._manifest(started, finished, versions.result(), detonations, drained)

    def undo(self) -> list[str]:
        """Undo what this capture made and changed; returns what could not be undone."""
        remains = self.owned.undo()
        if self._api:
            self._api.close()
        return remains

    def _makers(self, count: int) -> Makers:
        return Makers(count, self.owned.ledger)

    def _for_all(self, step: Callable[[Sensor], T]) -> list[T]:
        """Run a step of every sensor, all at the same time."""
        with self._makers(len(self._sensors)) as pool:
            return list(pool.map(step, self._sensors))

    def _start(self, sensor: Sensor) -> None:
        self._subscriber(LabStep(sensor.name, "starting"))
        try:
            sensor.start()
        except LivefireError as error:
            self._subscriber(LabStep(sensor.name, "failed", error.message.splitlines()[0]))
            raise
        self._subscriber(LabStep(sensor.name, "ready"))

    def _mark(self, label: str) -> None:
        self._for_all(lambda sensor: sensor.mark(label))

    def _drain(self, sensor: Sensor) -> SensorRecord:
        record = sensor.drain()
        self._subscriber(SensorDrained(record))
        return record

    def _in_use(self) -> bool:
        return bool(self._gateways and self._gateways.in_use())

    def _gateway(self, whose: str, name: str) -> AbstractContextManager[Path | None]:
        path = self.owned.path / name
        return self._gateways.gateway(whose, path) if self._gateways else contextlib.nullcontext()

    def _detonate_all(self, atomics: Sequence[Atomic], harness: Surroundings) -> list[Detonation]:
        """One after the other. Where the lab fails, the remaining atomics are lost, and what was recorded is kept."""
        detonations: list[Detonation] = []
        failed = ""
        for number, atomic in enumerate(atomics):
            if not failed:
                try:
                    detonations.append(self._detonate(atomic, number, harness))
                    self._mark(f"after:{atomic.id}")
                    continue
                except (LivefireError, OSError) as error:
                    failed = f"the capture could not go on: {first_line(error)}"
            if len(detonations) == number:
                detonations.append(not_detonated(atomic, failed, lost=True))
                self._subscriber(AtomicDetonated(detonations[-1]))
        return detonations

    def _detonate(self, atomic: Atomic, number: int, harness: Surroundings) -> Detonation:
        interrupts.check()
        self._subscriber(AtomicStarted(atomic.id, atomic.variant))
        if number == 0:
            self._homes.register()
        with self._gateway(atomic.id, f"{number}.sock") as socket:
            attack = self._homes.surroundings(f"atomic-{number}", socket)
            arguments = self.lab.arguments()
            detonation = detonate(
                atomic, attack, harness, timeout=self._timeout, arguments=arguments, pulse=self._pulse
            )
        if self._gateways:
            self._gateways.put_back(atomic.id)
        self._subscriber(AtomicDetonated(detonation))
        return detonation

    def _manifest(
        self,
        started: datetime,
        finished: datetime,
        versions: dict[str, str],
        detonations: list[Detonation],
        sensors: list[SensorRecord],
    ) -> Manifest:
        attacks = [d.attack for d in detonations if d.attack]
        by_session = all(attack.session is not None for attack in attacks)
        return Manifest(
            run_id=self.owned.id,
            started=started,
            finished=finished,
            host=host(),
            versions=versions | lab_versions(self.lab),
            lab=self.lab.facts(REFERENCE),
            attribution="audit-session" if by_session else "process-tree",
            harness_pid=os.getpid(),
            harness_users=self._homes.users,
            harness_containers=self._audit.containers,
            sensors=sensors,
            detonations=detonations,
            recorded=RECORDED,
        )
