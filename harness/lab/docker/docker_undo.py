"""How the things of a Docker host are undone: a lab's links and files on this machine, and our objects on another's."""

from __future__ import annotations

import contextlib
import hashlib
import re
from pathlib import Path

import docker.errors

from harness.host.kinds import Foreign, What, Whose, finds, undoes
from harness.host.undo import remove_folder
from harness.lab.docker.docker_api import docker_client
from harness.lab.docker.links import is_there, remove_link

SHIM_SOCKETS = Path("/run/containerd/s")
# What dockerd and containerd make at fixed places, with any root.
RUNC, _FIFO = Path("/run/containerd/runc"), Path("/run/containerd/fifo")
OUTSIDE = (Path("/run/containerd"), SHIM_SOCKETS, RUNC, _FIFO, Path("/run/docker"), Path("/run/docker/plugins"))
CLUSTER_LABEL = "io.x-k8s.kind.cluster"
# the names that Livefire and its atomics give, also with a registry before them
IMAGE = re.compile(r"([\w.-]+(:[0-9]+)?/)?livefire/[\w.-]+:[\w.-]+")


def bridge_names(owner: str) -> tuple[str, str]:
    """The names of a lab's bridges: the daemon's own, and the one of kind's network."""
    short = owner.removeprefix("lab-")
    return f"lf-{short}", f"lfk-{short}"


def namespace(owner: str) -> str:
    """containerd's namespace for containers that are not the daemon's, and the name of the lab's control group.

    `ctr run` makes /NAMESPACE/ID the control group of a container, so it is in ours.
    """
    return f"livefire-{owner}"


@undoes("bridge")
def bridge(whose: Whose, name: str) -> None:
    """Remove a network bridge and what is plugged into it."""
    if name not in bridge_names(whose.id):
        raise Foreign(f"it is not a link of {whose.id}")
    remove_link(name)


@finds("bridge")
def _bridges(whose: Whose) -> list[What]:
    return [{"name": name} for name in bridge_names(whose.id) if is_there(name)]


@undoes("containerd_state")
def containerd_state(whose: Whose) -> None:
    """Remove runc's state of the containers in the lab's own namespace."""
    remove_folder(RUNC / namespace(whose.id))


@finds("containerd_state")
def _containerd_state(whose: Whose) -> list[What]:
    return [{}] if (RUNC / namespace(whose.id)).exists() else []


@undoes("empty_folders")
def empty_folders(whose: Whose, paths: list[str]) -> None:
    """Remove folders that a daemon of ours made outside of our folders, if they are empty."""
    if strange := [path for path in paths if Path(path) not in OUTSIDE]:
        raise Foreign(f"no daemon of Livefire makes {strange[0]}")
    for path in reversed(paths):
        with contextlib.suppress(OSError):
            Path(path).rmdir()


@undoes("shim_sockets")
def shim_sockets(whose: Whose, containerd: str, containers: str, state: str = "") -> None:
    """Remove the sockets of killed shims, which are at /run/containerd/s/SHA256.

    `containers` is the folder in which dockerd has a folder for each container, `state` is containerd's.
    Source: containerd, runtime/v2/shim/util_unix.go, SocketAddress: the hash of ADDRESS/NAMESPACE/CONTAINER.
    """
    if not all(whose.holds(path) for path in (containerd, containers, state) if path):
        raise Foreign(f"it is not a containerd of {whose.id}")
    folder = Path(containers)
    known = [f"moby/{entry.name}" for entry in folder.iterdir()] if folder.is_dir() else []
    tasks = Path(state, "io.containerd.runtime.v2.task")
    known += [str(bundle.relative_to(tasks)) for bundle in tasks.glob("*/*")] if state else []
    for container in known:
        name = hashlib.sha256(f"{containerd}/{container}".encode()).hexdigest()
        (SHIM_SOCKETS / name).unlink(missing_ok=True)


@undoes("image")
def image(whose: Whose, socket: str, reference: str) -> None:
    """Remove a name that we gave to an image, on a daemon that goes on running; the image's other names stay."""
    if not IMAGE.fullmatch(reference):
        raise Foreign("Livefire gives no such name")
    with docker_client(Path(socket)) as client, contextlib.suppress(docker.errors.ImageNotFound):
        client.images.remove(reference)


@undoes("docker_network")
def docker_network(whose: Whose, socket: str, name: str) -> None:
    """Remove a network that we made, on a daemon that goes on running."""
    if name != f"livefire-{whose.id}":
        raise Foreign(f"it is not the network of {whose.id}")
    with docker_client(Path(socket)) as client:
        for network in client.networks.list(names=[f"^{name}$"]):
            network.remove()


@undoes("kind_cluster")
def kind_cluster(whose: Whose, socket: str, name: str) -> None:
    """Remove the nodes of one kind cluster from a daemon that goes on running."""
    if name != whose.id:
        raise Foreign(f"it is not the cluster of {whose.id}")
    with docker_client(Path(socket)) as client:
        for node in client.containers.list(all=True, filters={"label": f"{CLUSTER_LABEL}={name}"}):
            node.remove(force=True, v=True)
