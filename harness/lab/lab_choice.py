"""The choice of a lab's Docker host and cluster, with its reason."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InvalidInput, LabUnavailable
from harness.host.process import base_environment, find_tool
from harness.lab.kubernetes.binaries import find_etcd, find_kind, find_kube_apiserver
from harness.lab.kubernetes.node_image import choose
from harness.lab.named import spelled, why


@dataclass(frozen=True)
class LabChoice:
    """What the user chose.

    `cluster` is auto, kind, control-plane, none or context:NAME; `docker` is auto, managed, host or none.
    `node_image` is a reference or an archive, for kind.
    """

    cluster: str = "auto"
    docker: str = "auto"
    kube_audit_log: Path | None = None
    node_image: str | None = None


def plan(choice: LabChoice) -> list[str]:
    """What `start_lab` would start, and why, as lines. Raises as `docker_kind` and `cluster_kind` do."""
    docker, docker_reason = docker_kind(choice)
    cluster, cluster_reason = cluster_kind(choice)
    lines = [f"docker: {docker} ({docker_reason})", f"cluster: {cluster} ({cluster_reason})"]
    if cluster == "kind":
        image = choose(choice.node_image)
        lines.append(f"node image: {image.reference} ({image.why})")
    return lines


def docker_kind(choice: LabChoice) -> tuple[str, str]:
    """managed, host or none, and why. Raises InvalidInput for an unknown word."""
    if choice.docker not in ("auto", "managed", "host", "none"):
        raise InvalidInput(
            f"{spelled('--docker', choice.docker)}: unknown", hint="It is one of auto, managed, host, none."
        )
    if choice.docker != "auto":
        return choice.docker, why("--docker", choice.docker)
    if os.geteuid() == 0 and shutil.which("dockerd", path=base_environment()["PATH"]):
        return "managed", "root, and dockerd is installed"
    return "host", "a private daemon needs root and dockerd"


def cluster_kind(choice: LabChoice) -> tuple[str, str]:
    """kind, control-plane, none or context:NAME, and why. Raises InvalidInput for an unknown word."""
    if choice.cluster == "auto":
        missing = _kind_missing()
        if missing:
            return "control-plane", f"kind can't be used: {missing}"
        return "kind", "no lab is kept"
    if choice.cluster in ("kind", "control-plane", "none") or choice.cluster.partition("context:")[2]:
        return choice.cluster, why("--cluster", choice.cluster)
    hint = "It is one of auto, kind, control-plane, none, or context:NAME in full."
    raise InvalidInput(f"{spelled('--cluster', choice.cluster)}: unknown", hint=hint)


def _kind_missing() -> str:
    """The error of a tool that kind needs and that is missing; empty when none is."""
    try:
        find_kind()
        find_tool("docker", package="docker.io")
    except LabUnavailable as error:
        return error.message
    return ""


def require_tools(cluster: str) -> None:
    """Find the programs of a cluster before anything is started. Raises LabUnavailable."""
    if cluster == "kind":
        find_kind()
        find_tool("docker", package="docker.io")  # kind calls it
    elif cluster == "control-plane":
        find_kube_apiserver()
        find_etcd()
