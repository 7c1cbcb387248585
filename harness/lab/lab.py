"""The lab: a Docker host and a cluster, started side by side, and kept where the user wants that."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from harness import interrupts
from harness.errors import LabUnavailable, LivefireError
from harness.events import LabStarted, LabStep, Subscriber
from harness.host.halt import Makers
from harness.host.owned_folders import KEPT, OwnedFolder, add_left_behind, owned_folders
from harness.host.process import owned_processes
from harness.lab.docker.docker_host import DockerHost, record_image, start_managed, use_host
from harness.lab.kubernetes.cluster import Cluster
from harness.lab.kubernetes.control_plane import has_control_plane, start_control_plane
from harness.lab.kubernetes.existing_cluster import use_existing
from harness.lab.kubernetes.kind import start_kind
from harness.lab.kubernetes.kind_preflight import require_kind
from harness.lab.kubernetes.kube_api import KubeApi
from harness.lab.kubernetes.node_image import choose, provide
from harness.lab.lab_choice import LabChoice, cluster_kind, docker_kind, require_tools
from harness.lab.sysctl import NODE, record_sysctls, sysctls
from harness.model.manifest import LabFacts, LabPart

_HEEDED = 0.5  # seconds; a signal that comes just before a wait does not end the wait
PartT = TypeVar("PartT", DockerHost, Cluster)


@dataclass(frozen=True)
class Lab:
    """A running lab. Undoing the ledger of `owned` takes it down."""

    owned: OwnedFolder
    docker: DockerHost | None
    cluster: Cluster | None
    kept: bool

    def facts(self, image: str) -> LabFacts:
        """The lab's description for the recording."""
        docker, cluster = self.docker, self.cluster
        return LabFacts(
            docker=docker and LabPart(kind=docker.kind, name=docker.name, version=docker.version, reason=docker.reason),
            cluster=cluster
            and LabPart(
                kind=cluster.kind,
                name=cluster.name,
                version=cluster.version,
                reason=cluster.reason,
                node_image=cluster.node_image,
            ),
            image=image if docker else "",
            runtime_shim=bool(docker and docker.shim),
        )

    def arguments(self) -> dict[str, str]:
        """The lab's values of input arguments, by name. `python` has the packages docker and kubernetes."""
        arguments = {"python": sys.executable, "containerd": "none"}  # the host's own is not ours to use
        if self.docker and self.docker.registry:
            arguments["registry"] = self.docker.registry
        if self.docker and self.docker.containerd:
            arguments["containerd"] = str(self.docker.containerd)
            arguments["containerd_namespace"] = self.docker.namespace
        return arguments

    def keep(self) -> None:
        """Write down where all is, so that a later run can use the lab."""
        state = {"docker": self.docker and asdict(self.docker), "cluster": self.cluster and asdict(self.cluster)}
        path = self.owned.path / f"{KEPT}.new"
        path.touch(mode=0o600)
        path.write_text(json.dumps(state, default=str, indent=1))
        path.rename(self.owned.path / KEPT)  # complete, or not at all


def start_lab(choice: LabChoice, subscriber: Subscriber) -> Lab:
    """A new lab; its parts start at the same time. After an error it is taken down again.

    Raises LabUnavailable or Refused, the first error of a part.
    """
    docker, cluster = docker_kind(choice), cluster_kind(choice)
    require_tools(cluster[0])
    started = time.monotonic()
    owned = OwnedFolder.create("lab")
    start = _Start(owned, choice, subscriber)
    try:
        if cluster[0] == "kind":
            record_sysctls(owned.ledger, sysctls(NODE))  # first, so that they are put back last
        with Makers(2, owned.ledger) as pool:
            host = pool.submit(start.docker, *docker)
            control = pool.submit(start.cluster, *cluster, host)
            _wait_for(host)
            _wait_for(control)
            lab = Lab(owned, host.result(), control.result(), kept=False)
        subscriber(LabStarted(lab.facts(""), time.monotonic() - started))
    except BaseException as error:
        add_left_behind(error, owned.undo())
        raise
    return lab


def _wait_for(future: Future[Any]) -> None:
    while wait([future], timeout=_HEEDED).not_done:
        interrupts.check()


@dataclass(frozen=True)
class _Start:
    """Starts the parts of one lab, and emits their events."""

    owned: OwnedFolder
    choice: LabChoice
    subscriber: Subscriber

    def docker(self, kind: str, reason: str) -> DockerHost | None:
        if kind == "none":
            return None
        return self._announced("docker", lambda: self._host(kind, reason))

    def _host(self, kind: str, reason: str) -> DockerHost:
        return start_managed(self.owned, reason) if kind == "managed" else use_host(self.owned, reason)

    def cluster(self, kind: str, reason: str, docker: Future[DockerHost | None]) -> Cluster | None:
        if kind == "none":
            return None
        if kind.startswith("context:"):
            name = kind.removeprefix("context:")
            return self._announced("cluster", lambda: use_existing(self.owned, name, self.choice.kube_audit_log))
        if kind == "control-plane":
            return self._announced("cluster", lambda: start_control_plane(self.owned, reason))
        return self._announced("cluster", lambda: self._kind(reason, docker))

    def _kind(self, reason: str, docker: Future[DockerHost | None]) -> Cluster:
        # with --docker none the atomics get no Docker host, but the node still needs one
        host = docker.result() or start_managed(self.owned, "for the node of kind")
        image = choose(self.choice.node_image)
        try:
            require_kind(host.socket, self.owned.id)
            self._say(f"providing {image.reference}")
            if not host.owned:
                record_image(self.owned, host.socket, image.reference)
            reference = provide(image, host.socket)
        except LabUnavailable as error:
            if self.choice.cluster != "auto" or not has_control_plane():
                raise
            message = " ".join([error.message, *error.more])
            return start_control_plane(self.owned, f"kind can't be used: {message}")
        return start_kind(self.owned, f"{reason}; node image {image.why}", host, reference, self._say)

    def _say(self, text: str) -> None:
        self.subscriber(LabStep("cluster", "working", text))

    def _announced(self, name: str, start: Callable[[], PartT]) -> PartT:
        self.subscriber(LabStep(name, "starting"))
        try:
            lab_part = start()
        except LivefireError as error:
            self.subscriber(LabStep(name, "failed", error.message.splitlines()[0]))
            raise
        self.subscriber(LabStep(name, "ready", f"{lab_part.kind} {lab_part.version}: {lab_part.reason}"))
        return lab_part


def kept_lab() -> Lab | None:
    """The lab that an earlier `lab up` or `--keep-lab` left running; None if there is none.

    Raises LabUnavailable when there is one whose daemons have died.
    """
    for owned in owned_folders():
        path = owned.path / KEPT
        if owned.id.startswith("lab-") and path.is_file():
            state = json.loads(path.read_text())
            docker, cluster = _load(DockerHost, state["docker"]), _load(Cluster, state["cluster"])
            if broken := _broken(owned, docker, cluster):
                hint = "Run `livefire lab down` and start again."
                raise LabUnavailable(f"the kept lab {owned.id} is broken: {broken}", hint=hint)
            return Lab(owned, docker, cluster, kept=True)
    return None


def _broken(owned: OwnedFolder, docker: DockerHost | None, cluster: Cluster | None) -> str:
    """Which part of a kept lab has ended; empty when all parts run."""
    if docker and docker.owned and not owned_processes(f"{owned.id}/dockerd"):
        return "its dockerd has ended"
    if cluster and cluster.kind == "control-plane" and not owned_processes(f"{owned.id}/kube-apiserver"):
        return "its kube-apiserver has ended"
    if cluster and cluster.kind == "kind":
        api = KubeApi(cluster.kubeconfig)
        fault = api.ready()
        api.close()
        return f"its API server is not ready: {fault}" if fault else ""
    return ""


def fits(lab: Lab, choice: LabChoice) -> bool:
    """Whether a kept lab is what the user chose."""
    docker_fits = choice.docker in ("auto", lab.docker.kind if lab.docker else "none")
    cluster = "none" if lab.cluster is None else lab.cluster.kind
    if lab.cluster and lab.cluster.kind == "context":
        cluster = f"context:{lab.cluster.name}"
    return docker_fits and choice.cluster in ("auto", cluster)


def _load(kind: type[PartT], data: dict[str, Any] | None) -> PartT | None:
    if data is None:
        return None
    paths = {f.name for f in fields(kind) if "Path" in str(f.type)}
    values: dict[str, Any] = {k: Path(v) if k in paths and v is not None else v for k, v in data.items()}
    return kind(**values)
