"""One capture: sensors on, each atomic detonated between two marks, sensors drained, everything put back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from harness import interrupts
from harness.capture.detonator import detonate, not_detonated
from harness.capture.pulse import LabPulse
from harness.capture.shell import Surroundings
from harness.capture.tool_versions import host, lab_versions, tool_versions
from harness.errors import LivefireError, first_line
from harness.events import AtomicDetonated, AtomicStarted, LabStep, SensorDrained, Subscriber
from harness.host.halt import Makers
from harness.host.kinds import Whose
from harness.host.owned_folders import OwnedFolder
from harness.host.undo import make_way
from harness.lab.docker.canary_container import canary_container
from harness.lab.docker.docker_front import aside, moved_socket
from harness.lab.docker.docker_reach import HARNESS_SOCKET
from harness.lab.docker.image import REFERENCE, put_image_back
from harness.lab.kubernetes.kube_api import KubeApi
from harness.lab.kubernetes.kube_undo import record_objects
from harness.lab.lab import Lab
from harness.lab.podman import podman_environment
from harness.model.atomic import Atomic
from harness.model.manifest import BACKGROUND, HARNESS, RECORDED, Detonation, Manifest, SensorRecord
from harness.recording import RecordingWriter, layout
from harness.sensors.auditd.audit_sensor import AuditdSensor
from harness.sensors.docker.docker_sensor import DockerDaemonSensor
from harness.sensors.docker.gateway import DockerGateway
from harness.sensors.docker.guard import DockerGuard
from harness.sensors.docker.made import DockerMade
from harness.sensors.docker.request_log import RequestLog
from harness.sensors.kubernetes.kube_sensor import KubeAuditSensor
from harness.sensors.kubernetes.pod_canary import pod_canary
from harness.sensors.kubernetes.pod_watch import PodWatch
from harness.sensors.sensor import Arrivals, Sensor, now


class Capture:
    """A capture in a lab. `owned` holds what is made for it alone; its ledger is undone at the end."""

    def __init__(self, lab: Lab, recording: RecordingWriter, subscriber: Subscriber, timeout: float) -> None:
        self.lab = lab
        self.recording = recording
        self._subscriber = subscriber
        self._timeout = timeout
        self._arrivals = Arrivals(recording)
        self._api = KubeApi(lab.cluster.kubeconfig) if lab.cluster else None
        self._daemon: Path | None = None  # where the daemon listens while a gateway has its place
        self._requests = RequestLog(recording.file(layout.DAEMON_REQUESTS))
        self._users: list[str] = [lab.cluster.admin] if lab.cluster and lab.cluster.admin else []
        self.owned = OwnedFolder.create("run")  # last: who interrupts us before we are there can't undo it
        self._cgroup = f"livefire-{self.owned.id}"
        self._pulse = LabPulse(lab.docker.socket if lab.docker else None, self._api, f"{self.owned.id}/shell")
        self._contained = canary_container(self.owned, lab.docker)
        self._made = DockerMade(lab.docker.socket, self.owned.ledger) if lab.docker else None
        foreign = lab.docker and not lab.docker.owned
        self._guard = DockerGuard(lab.docker.socket, self._made) if lab.docker and self._made and foreign else None

    def run(self, atomics: Sequence[Atomic]) -> Manifest:
        """Detonate the atomics one after the other; returns the manifest, yet without hashes.

        Raises LabUnavailable when a sensor does not start. A sensor that breaks later is a result, not an error.
        """
        with self._makers(1) as pool, self._front():  # asking every tool takes longer than detonating an atomic
            versions = pool.submit(tool_versions, self.lab.owned.path / "versions.json")
            with self._gateway(HARNESS, self.owned.path / HARNESS_SOCKET) as socket:
                sensors = self._sensors(socket)
                self._start(sensors)
                started = now()
                self._mark(sensors, "start")
                detonations = self._detonate_all(atomics, self._surroundings(HARNESS, socket), sensors)
            finished = now()
            with self._makers(len(sensors)) as drains:
                drained = list(drains.map(self._drain, sensors))
        return self._manifest(started, finished, versions.result(), detonations, drained)

    def undo(self) -> list[str]:
        """Put back what this capture changed; returns what could not be."""
        remains = self.owned.undo()
        if self._api:
            self._api.close()
        return remains

    def _makers(self, count: int) -> Makers:
        return Makers(count, self.owned.ledger)

    def _sensors(self, gateway: Path | None) -> list[Sensor]:
        sensors: list[Sensor] = [AuditdSensor(self.owned, self._arrivals, self._contained, self.lab.owned.id)]
        if self.lab.docker and gateway:
            host = replace(self.lab.docker, socket=self._daemon or self.lab.docker.socket)
            sensors.append(DockerDaemonSensor(host, self._arrivals, gateway, self._requests))
        if self.lab.cluster and self._api:
            cluster = self.lab.cluster
            pods = PodWatch(self._api, self.recording.file(layout.KUBE_PODS)) if cluster.runs_pods else None
            canary = pod_canary(self._api, self.owned, cluster)
            sensors.append(KubeAuditSensor(self._api, cluster.audit_log, self._arrivals, pods, canary))
        return sensors

    def _start(self, sensors: list[Sensor]) -> None:
        with self._makers(len(sensors)) as pool:
            list(pool.map(self._start_one, sensors))

    def _start_one(self, sensor: Sensor) -> None:
        self._subscriber(LabStep(sensor.name, "starting"))
        try:
            sensor.start()
        except LivefireError as error:
            self._subscriber(LabStep(sensor.name, "failed", error.message.splitlines()[0]))
            raise
        self._subscriber(LabStep(sensor.name, "ready"))

    def _mark(self, sensors: list[Sensor], label: str) -> None:
        with self._makers(len(sensors)) as pool:
            list(pool.map(lambda sensor: sensor.mark(label), sensors))

    def _drain(self, sensor: Sensor) -> SensorRecord:
        record = sensor.drain()
        self._subscriber(SensorDrained(record))
        return record

    def _surroundings(self, name: str, docker_socket: Path | None) -> Surroundings:
        """A home, and an identity in the cluster, for one atomic or for the harness."""
        home = self.owned.path / name
        make_way(home)  # an attack knows how the next one's is called
        home.mkdir(mode=0o700)
        kubeconfig = user = None
        if self._api:
            user, token = self._identity(name)
            kubeconfig = home / "kubeconfig"
            self._api.write_kubeconfig(kubeconfig, token)
            if name == HARNESS and user:
                self._users.append(user)
        podman = podman_environment(home, self._cgroup)
        return Surroundings(f"{self.owned.id}/shell", home, docker_socket, kubeconfig, user, podman, self._cgroup)

    def _identity(self, name: str) -> tuple[str | None, str]:
        """A user of the cluster and its token. Where the server has died, nobody, and a token that opens nothing:
        the atomic does not need it, or its sensor tells that it could not be had.
        """
        assert self._api is not None
        assert self.lab.cluster is not None
        if name != HARNESS and self._api.ready(timeout=1):
            return None, "none"
        cluster = self.lab.cluster
        record_objects(self.owned.ledger, cluster.kubeconfig, self.owned.id, ours=cluster.owned)
        try:
            return self._api.create_identity(f"{self.owned.id}-{name}", self.owned.id)
        except LivefireError:
            if name == HARNESS:
                raise
            return None, "none"

    def _detonate_all(
        self, atomics: Sequence[Atomic], harness: Surroundings, sensors: list[Sensor]
    ) -> list[Detonation]:
        """One after the other. Where the lab fails us, the rest is lost, and what has been recorded is kept."""
        detonations: list[Detonation] = []
        failed = ""
        for number, atomic in enumerate(atomics):
            if not failed:
                try:
                    detonations.append(self._detonate(atomic, number, harness))
                    self._mark(sensors, f"after:{atomic.id}")
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
            self.owned.ledger.add("cgroup", name=self._cgroup)
            self.owned.ledger.add("mounts")  # of Podman, and whatever else an atomic mounts at home
            self.owned.ledger.add("podman", folder=str(self.owned.path))
            self.owned.ledger.add("daemon", owner=harness.owner)
        with self._gateway(atomic.id, self.owned.path / f"{number}.sock") as socket:
            attack = self._surroundings(f"atomic-{number}", socket)
            arguments = self.lab.arguments()
            detonation = detonate(
                atomic, attack, harness, timeout=self._timeout, arguments=arguments, pulse=self._pulse
            )
        if self._made:
            for problem in self._made.put_back():  # tried again after the next, and at the end
                self._requests.tell(f"{atomic.id}: {problem}")
        if self.lab.docker and self.lab.docker.owned:  # on another's, the guard lets nobody remove it
            put_image_back(self.lab.docker.socket)
        self._subscriber(AtomicDetonated(detonation))
        return detonation

    @contextlib.contextmanager
    def _front(self) -> Iterator[None]:
        """A gateway in the place of the daemon's own socket, too, so that who calls it past an atomic's is known.

        Only before a daemon of ours: another's socket is not ours to move, and who calls by it nobody sees.
        """
        docker = self.lab.docker
        if docker is None or not docker.owned:
            yield
            return
        own = aside(docker.socket, self.owned.id)
        self.owned.ledger.add("moved_socket", path=str(docker.socket))
        docker.socket.rename(own)
        self._daemon = own
        try:
            gateway = DockerGateway(BACKGROUND, docker.socket, own, self._requests)
            with gateway, self._pulse.behind(gateway):
                yield
        finally:
            with contextlib.suppress(LivefireError, OSError):  # the ledger names it still, and what was recorded counts
                moved_socket(Whose(self.owned.id, self.owned.path), str(docker.socket))

    @contextlib.contextmanager
    def _gateway(self, whose: str, path: Path) -> Iterator[Path | None]:
        if self.lab.docker is None:
            yield None
            return
        daemon = self._daemon or self.lab.docker.socket
        gateway = DockerGateway(whose, path, daemon, self._requests, self._made, self._guard)
        with gateway, self._pulse.behind(gateway):
            yield path

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
            harness_users=self._users,
            harness_containers=self._contained.ids if self._contained else [],
            sensors=sensors,
            detonations=detonations,
            recorded=RECORDED,
        )
