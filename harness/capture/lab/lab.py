"""The lab: a Docker host and a cluster, brought up side by side, and kept where the user wants that."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from harness.capture.lab.cluster import Cluster
from harness.capture.lab.control_plane import find_etcd, find_kube_apiserver, start_control_plane
from harness.capture.lab.docker_host import DockerHost, start_managed, use_host
from harness.capture.lab.existing_cluster import use_existing
from harness.capture.process import base_environment, owned_processes
from harness.capture.state import OwnedFolder, owned_folders
from harness.errors import InvalidInput, LabUnavailable, LivefireError
from harness.model.events import LabStarted, LabStep, Subscriber
from harness.model.manifest import LabFacts, LabPart

PartT = TypeVar("PartT", DockerHost, Cluster)
_STATE = "lab.json"


@dataclass(frozen=True)
class LabChoice:
    """What the user asked for.

    `cluster` is auto, control-plane, none or context:NAME; `docker` is auto, managed, host or none.
    """

    cluster: str = "auto"
    docker: str = "auto"
    kube_audit_log: Path | None = None


@dataclass(frozen=True)
class Lab:
    """A lab that is up. Undoing the ledger of `owned` takes it down."""

    owned: OwnedFolder
    docker: DockerHost | None
    cluster: Cluster | None
    kept: bool

    def facts(self, image: str) -> LabFacts:
        """What the recording says of it."""
        docker, cluster = self.docker, self.cluster
        return LabFacts(
            docker=docker and LabPart(kind=docker.kind, name=docker.name, version=docker.version, reason=docker.reason),
            cluster=cluster
            and LabPart(kind=cluster.kind, name=cluster.name, version=cluster.version, reason=cluster.reason),
            image=image if docker else "",
            runtime_shim=bool(docker and docker.shim),
        )

    def keep(self) -> None:
        """Write down where everything is, so that a later run finds it."""
        state = {"docker": self.docker and asdict(self.docker), "cluster": self.cluster and asdict(self.cluster)}
        path = self.owned.path / _STATE
        path.touch(mode=0o600)
        path.write_text(json.dumps(state, default=str, indent=1))


def start_lab(choice: LabChoice, subscriber: Subscriber) -> Lab:
    """A new lab; its parts start at the same time. What fails is taken down again.

    Raises LabUnavailable or Refused, the first error of either part.
    """
    docker_starter, cluster_starter = _docker_starter(choice), _cluster_starter(choice)
    started = time.monotonic()
    owned = OwnedFolder.create("lab")
    try:
        with ThreadPoolExecutor(2) as pool:
            docker = pool.submit(_part, "docker", docker_starter, owned, subscriber)
            cluster = pool.submit(_part, "cluster", cluster_starter, owned, subscriber)
        lab = Lab(owned, docker.result(), cluster.result(), kept=False)
    except BaseException:
        owned.ledger.undo()
        raise
    subscriber(LabStarted(lab.facts(""), time.monotonic() - started))
    return lab


def _part(
    name: str, start: Callable[[OwnedFolder], PartT] | None, owned: OwnedFolder, subscriber: Subscriber
) -> PartT | None:
    if start is None:
        return None
    subscriber(LabStep(name, "starting"))
    try:
        part = start(owned)
    except LivefireError as error:
        subscriber(LabStep(name, "failed", error.message.splitlines()[0]))
        raise
    subscriber(LabStep(name, "ready", f"{part.kind} {part.version}: {part.reason}"))
    return part


def plan(choice: LabChoice) -> list[str]:
    """What `start_lab` would bring up, and why. Raises as it does for a choice that can't be had."""
    docker, docker_reason = _docker_kind(choice)
    cluster, cluster_reason = _cluster_kind(choice)
    return [f"docker: {docker} ({docker_reason})", f"cluster: {cluster} ({cluster_reason})"]


def _docker_kind(choice: LabChoice) -> tuple[str, str]:
    if choice.docker not in ("auto", "managed", "host", "none"):
        raise InvalidInput(f"--docker {choice.docker}: unknown", hint="It is one of auto, managed, host, none.")
    if choice.docker != "auto":
        return choice.docker, "named on the command line"
    if os.geteuid() == 0 and shutil.which("dockerd", path=base_environment()["PATH"]):
        return "managed", "root, and dockerd is installed"
    return "host", "a private daemon needs root and dockerd"


def _docker_starter(choice: LabChoice) -> Callable[[OwnedFolder], DockerHost] | None:
    kind, reason = _docker_kind(choice)
    if kind == "none":
        return None
    return lambda owned: start_managed(owned, reason) if kind == "managed" else use_host(owned, reason)


def _cluster_kind(choice: LabChoice) -> tuple[str, str]:
    if choice.cluster == "auto":
        return "control-plane", "no lab is kept"
    if choice.cluster in ("control-plane", "none") or choice.cluster.startswith("context:"):
        return choice.cluster, "named on the command line"
    hint = "It is one of auto, control-plane, none, or context:NAME in full."
    raise InvalidInput(f"--cluster {choice.cluster}: unknown", hint=hint)


def _cluster_starter(choice: LabChoice) -> Callable[[OwnedFolder], Cluster] | None:
    kind, reason = _cluster_kind(choice)
    if kind.startswith("context:"):
        return lambda owned: use_existing(owned, kind.removeprefix("context:"), choice.kube_audit_log)
    if kind == "none":
        return None
    find_kube_apiserver()  # asked before anything is started
    find_etcd()
    return lambda owned: start_control_plane(owned, reason)


def kept_lab() -> Lab | None:
    """The lab that an earlier `lab up` or `--keep-lab` left running; None if there is none.

    Raises LabUnavailable when there is one whose daemons have died.
    """
    for owned in owned_folders():
        path = owned.path / _STATE
        if owned.id.startswith("lab-") and path.is_file():
            state = json.loads(path.read_text())
            docker, cluster = _load(DockerHost, state["docker"]), _load(Cluster, state["cluster"])
            for part, daemon in ((docker, "dockerd"), (cluster, "kube-apiserver")):
                if part and part.owned and not owned_processes(f"{owned.id}/{daemon}"):
                    hint = "Run `livefire lab down` and start again."
                    raise LabUnavailable(f"the kept lab {owned.id} is broken: its {daemon} has ended", hint=hint)
            return Lab(owned, docker, cluster, kept=True)
    return None


def fits(lab: Lab, choice: LabChoice) -> bool:
    """Whether a kept lab is what the user asked for."""
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
