"""How each kind of thing in the ledger is undone. Each function succeeds when the thing is already gone."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import signal
import time
from pathlib import Path

from harness.capture.process import owned_processes, podman_processes, run
from harness.capture.wait import NotYet, wait_until
from harness.errors import LivefireError

_MNT_DETACH = 2
_CGROUPS = Path("/sys/fs/cgroup")
SHIM_SOCKETS = Path("/run/containerd/s")


def folder(path: str) -> None:
    """Detach every mount below a folder, then remove it."""
    target = Path(path)
    if not target.exists():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for mount in sorted(mounts_below(target), reverse=True):
        if libc.umount2(os.fsencode(mount), _MNT_DETACH) != 0:
            raise OSError(ctypes.get_errno(), "cannot be unmounted", mount)
    for attempt in range(5):  # a daemon that was killed may still be closing files
        shutil.rmtree(target, ignore_errors=attempt < 4)
        if not target.exists():
            return
        time.sleep(0.1)


def mounts_below(path: Path) -> list[str]:
    """The mount points at or below `path`, from /proc/self/mountinfo (proc(5); spaces are octal-escaped there)."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    decoded = [point.encode().decode("unicode_escape") for point in points]
    return [point for point in decoded if point == str(path) or point.startswith(f"{path}/")]


def daemon(owner: str) -> None:
    """Kill the processes that carry this owner. Their state is thrown away, so they need no farewell."""

    def gone() -> None:
        _kill({pid for pid in owned_processes(owner) if not _is_zombie(pid)})

    wait_until(f"end of {owner}", gone, timeout=10, interval=0.02)


def podman(folder: str) -> None:
    """Kill what Podman left of containers that were started with a configuration below `folder`."""

    def gone() -> None:
        _kill({pid for pid in podman_processes(folder) if not _is_zombie(pid)})

    wait_until(f"end of Podman's processes of {folder}", gone, timeout=10, interval=0.02)


def _kill(alive: set[int]) -> None:
    """Raises NotYet where there was any: whether it has ended shows the next time."""
    for pid in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if alive:
        raise NotYet(f"processes {sorted(alive)}")


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def bridge(name: str) -> None:
    """Remove a network bridge and what is plugged into it: the kernel removes the pair of a dead container too late."""
    device = Path(f"/sys/class/net/{name}")
    if not device.exists():
        return
    for port in (device / "brif").iterdir():
        run(["ip", "link", "delete", port.name], check=False)  # it may have gone by now
    run(["ip", "link", "delete", name])


def cgroup(name: str) -> None:
    """Kill what runs in a control group of ours, in each hierarchy, and remove it."""
    roots = [root for root in (_CGROUPS, *_CGROUPS.glob("*")) if (root / name).is_dir()]

    def gone() -> None:
        alive: set[int] = set()
        for root in roots:
            for procs in (root / name).rglob("cgroup.procs"):
                with contextlib.suppress(OSError):
                    alive.update(int(pid) for pid in procs.read_text().split())
        _kill(alive)

    wait_until(f"end of the control group {name}", gone, timeout=10, interval=0.02)

    def removed() -> None:
        for root in roots:
            inner = sorted((p for p in (root / name).rglob("*") if p.is_dir()), reverse=True)
            for group in [*inner, root / name]:
                try:
                    group.rmdir()
                except FileNotFoundError:
                    continue
                except OSError as error:  # a process of it is dying still
                    raise NotYet(f"{group}: {error.strerror}") from None

    wait_until(f"removal of the control group {name}", removed, timeout=10, interval=0.02)


def empty_folders(paths: list[str]) -> None:
    """Remove folders that a daemon of ours made outside of our own; not if somebody else uses them by now."""
    for path in reversed(paths):
        with contextlib.suppress(OSError):
            Path(path).rmdir()


def shim_sockets(containerd: str, containers: str, state: str = "") -> None:
    """Remove the sockets of shims that were killed: their place is fixed, /run/containerd/s/SHA256.

    `containers` is the folder in which dockerd has one for each container, `state` containerd's own.
    Source: containerd, runtime/v2/shim/util_unix.go, SocketAddress: the hash of ADDRESS/NAMESPACE/CONTAINER.
    """
    folder = Path(containers)
    known = [f"moby/{container.name}" for container in folder.iterdir()] if folder.is_dir() else []
    tasks = Path(state, "io.containerd.runtime.v2.task")
    known += [str(bundle.relative_to(tasks)) for bundle in tasks.glob("*/*")] if state else []
    for each in known:
        name = hashlib.sha256(f"{containerd}/{each}".encode()).hexdigest()
        (SHIM_SOCKETS / name).unlink(missing_ok=True)


def audit(settings: dict[str, int], rules: list[str], boot: str) -> None:
    """Put the kernel's audit back as it was: each rule in its place, and the settings."""
    from harness.capture.sensors.audit_state import restore

    restore(settings, rules, boot)


def containers(socket: str, image: str) -> None:
    """Remove each container that was made from an image of ours, on a daemon that goes on running."""
    from harness.capture.lab.docker_api import docker_client  # at the bottom: few runs need it

    with docker_client(Path(socket)) as client:
        for container in client.containers.list(all=True, filters={"ancestor": image}):
            container.remove(force=True)


def image(socket: str, reference: str) -> None:
    """Remove an image that we made, on a daemon that goes on running."""
    import docker.errors

    from harness.capture.lab.docker_api import docker_client

    with docker_client(Path(socket)) as client, contextlib.suppress(docker.errors.ImageNotFound):
        client.images.remove(reference, force=True)


def kind_cluster(socket: str, name: str) -> None:
    """Remove the nodes of a kind cluster, and no other's, from a daemon that goes on running."""
    from harness.capture.lab.docker_api import docker_client
    from harness.capture.lab.kind import CLUSTER_LABEL

    with docker_client(Path(socket)) as client:
        for node in client.containers.list(all=True, filters={"label": f"{CLUSTER_LABEL}={name}"}):
            node.remove(force=True, v=True)


def docker_network(socket: str, name: str) -> None:
    """Remove a network that we made, on a daemon that goes on running."""
    from harness.capture.lab.docker_api import docker_client

    with docker_client(Path(socket)) as client:
        for network in client.networks.list(names=[f"^{name}$"]):
            network.remove()


def kube_objects(kubeconfig: str, run_id: str) -> None:
    """Remove what was made in a cluster that goes on running."""
    from harness.capture.lab.kube_api import KubeApi

    if Path(kubeconfig).exists():
        KubeApi(Path(kubeconfig)).delete_labelled(run_id)


def sysctl(name: str, value: str) -> None:
    """Put a kernel setting back."""
    path = Path("/proc/sys") / name.replace(".", "/")
    try:
        if path.read_text().strip() != value:
            path.write_text(value)
    except OSError as error:
        raise LivefireError(f"{name} cannot be set back to {value}: {error.strerror}") from None
