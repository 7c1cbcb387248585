"""Checks of the Docker daemon that runs the node of a cluster."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import requests

from harness.errors import LabUnavailable
from harness.host.owned_folders import owned_folders
from harness.host.preflight import Check, Doubt, look
from harness.lab.docker.docker_api import docker_client
from harness.lab.docker.docker_undo import CLUSTER_LABEL


def check_daemon(socket: Path, name: str = "") -> list[Check]:
    """Check a daemon that is to run the node of a cluster called `name`, or of any cluster."""
    return [
        look("storage driver", lambda: _storage(socket)),
        look("name clash", lambda: _clash(socket, name)),
    ]


def daemons() -> list[Path]:
    """The sockets of the existing Docker daemons: a kept lab's, and the host's."""
    sockets = [owned.path / "docker/docker.sock" for owned in owned_folders()]
    sockets.append(Path(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")))
    return [socket for socket in sockets if socket.is_socket()]


@contextlib.contextmanager
def _asking(socket: Path) -> Iterator[docker.DockerClient]:
    """A client. Raises LabUnavailable where the daemon does not answer."""
    try:
        with docker_client(socket, timeout=10) as client:
            yield client
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise LabUnavailable(f"the Docker daemon does not answer: {str(error).splitlines()[0]}") from None


def _storage(socket: Path) -> str:
    with _asking(socket) as client:
        driver = str(client.info().get("Driver"))
    if driver == "vfs":
        hint = "It copies every layer: use a file system that overlay2 works on, such as ext4 or xfs."
        raise Doubt("vfs: slow, and five times as much disk", hint=hint)
    return driver


def _clash(socket: Path, name: str) -> str:
    with _asking(socket) as client:
        nodes = client.containers.list(all=True, filters={"label": CLUSTER_LABEL})
        names = sorted({str(node.labels[CLUSTER_LABEL]) for node in nodes})
    if name in names:
        raise LabUnavailable(f"a kind cluster named {name} exists already", hint="Run `livefire clean`.")
    left = [cluster for cluster in names if re.fullmatch(r"lab-[0-9a-f]{6}", cluster)]
    known = {owned.id for owned in owned_folders()}
    if strangers := [cluster for cluster in left if cluster not in known]:
        hint = "They look like Livefire's, from another state folder; `kind delete cluster --name NAME` removes one."
        raise Doubt(f"clusters {', '.join(strangers)} exist", hint=hint)
    return f"none; {len(names)} other clusters are not touched"
