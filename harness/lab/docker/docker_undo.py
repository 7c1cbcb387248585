"""How what a Docker host makes is undone: its links and leftovers on this machine, and what is ours on another's."""

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
# What dockerd and containerd make at fixed places, whatever their roots are.
RUNC, _FIFO = Path("/run/containerd/runc"), Path("/run/containerd/fifo")
OUTSIDE = (Path("/run/containerd"), SHIM_SOCKETS, RUNC, _FIFO, Path("/run/docker"), Path("/run/docker/plugins"))
CLUSTER_LABEL = "io.x-k8s.kind.cluster"
# the names that we and our atomics give, also with a registry before them
IMAGE = re.compile(r"([\w.-]+(:[0-9]+)?/)?livefire/[\w.-]+:[\w.-]+")


def bridge_names(owner: str) -> tuple[str, str]:
    """What the bridges of a lab are called: the daemon's own, and that of kind's network."""
    short = owner.removeprefix("lab-")
    return f"lf-{short}", f"lfk-{short}"


def namespace(owner: str) -> str:
    """containerd's namespace for what is no container of the daemon's, and the lab's control group.

    `ctr run` makes /NAMESPACE/ID the control group of a container, which so lies in ours.
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
    """Remove what runc keeps of the containers in the lab's own namespace."""
    remove_folder(RUNC / namespace(whose.id))


@finds("containerd_state")
def _containerd_state(whose: Whose) -> list[What]:
    return [{}] if (RUNC / namespace(whose.id)).exists() else []


@undoes("empty_folders")
def empty_folders(whose: Whose, paths: list[str]) -> None:
    """Remove folders that a daemon of ours made outside of our own; not if somebody else uses them by now."""
    if strange := [path for path in paths if Path(path) not in OUTSIDE]:
        raise Foreign(f"no daemon of ours makes {strange[0]}")
    for path in reversed(paths):
        with contextlib.suppress(OSError):
            Path(path).rmdir()


@undoes("shim_sockets")
def shim_sockets(whose: Whose, containerd: str, containers: str, state: str = "") -> None:
    """Remove the sockets of shims that were killed: their place is fixed, /run/containerd/s/SHA256.

    `containers` is the folder in which dockerd has one for each container, `state` containerd's own.
    Source: containerd, runtime/v2/shim/util_unix.go, SocketAddress: the hash of ADDRESS/NAMESPACE/CONTAINER.
    """
    if not all(whose.holds(path) for path in (containerd, containers, state) if path):
        raise Foreign(f"it is not a containerd of {whose.id}")
    folder = Path(containers)
    known = [f"moby/{container.name}" for container in folder.iterdir()] if folder.is_dir() else []
    tasks = Path(state, "io.containerd.runtime.v2.task")
    known += [str(bundle.relative_to(tasks)) for bundle in tasks.glob("*/*")] if state else []
    for each in known:
        name = hashlib.sha256(f"{containerd}/{each}".encode()).hexdigest()
        (SHIM_SOCKETS / name).unlink(missing_ok=True)


@undoes("image")
def image(whose: Whose, socket: str, reference: str) -> None:
    """Take back a name that we gave to an image, on a daemon that goes on running; other names of it stay."""
    if not IMAGE.fullmatch(reference):
        raise Foreign("it is not a name that we give")
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
    """Remove the nodes of a kind cluster, and no other's, from a daemon that goes on running."""
    if name != whose.id:
        raise Foreign(f"it is not the cluster of {whose.id}")
    with docker_client(Path(socket)) as client:
        for node in client.containers.list(all=True, filters={"label": f"{CLUSTER_LABEL}={name}"}):
            node.remove(force=True, v=True)
