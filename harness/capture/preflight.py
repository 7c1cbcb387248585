"""What this host lacks for a lab, each finding with its cure: for `livefire doctor`, and before anything is made."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import docker.errors
import requests

from harness.capture.lab.control_plane import find_etcd, find_kube_apiserver
from harness.capture.lab.docker_api import docker_client
from harness.capture.lab.docker_host import needs_shim
from harness.capture.lab.image import is_static
from harness.capture.lab.kind import CLUSTER_LABEL, find_kind
from harness.capture.lab.node_image import choose
from harness.capture.process import find_tool, run
from harness.capture.sensors.auditd import kernel_status
from harness.capture.state import owned_folders, state_root
from harness.errors import LabUnavailable, LivefireError

_TOOLS = {"dockerd": "docker.io", "docker": "docker.io", "containerd": "containerd", "runc": "runc", "ip": "iproute2"}
_TOOLS |= {"auditd": "auditd", "auditctl": "auditd", "kubectl": "kubernetes-client", "openssl": "openssl"}
_MINIMUM_FREE = 1 << 30
_KIND_FREE = 3 << 30
_KIND_MEMORY = 1536 << 20
# kind, "Known Issues", Pod errors due to "too many open files": 512 and 524288; one node gets along with less.
_INOTIFY = {"max_user_instances": (64, 512), "max_user_watches": (8192, 524288)}
# What kind 0.27 was made for; an older one makes other configurations.
_KIND_VERSION = (0, 20)
_DOCKER_VERSION = (20, 10)


@dataclass(frozen=True)
class Finding:
    """One look at this host. `level` is ok, warn or fail; `cure` says what to do about the last two."""

    check: str
    level: str
    said: str
    cure: str = ""


Probe = Callable[[], str]


class Doubt(LivefireError):
    """Something that may go wrong, and need not."""


def check_host() -> list[Finding]:
    """What any live run needs."""
    probes: list[tuple[str, Probe]] = [("root", _root)]
    probes += [(tool, lambda t=tool, p=package: str(find_tool(t, package=p))) for tool, package in _TOOLS.items()]  # type: ignore[misc]
    probes += [("busybox", _busybox), ("audit", _audit), ("login uid", _login_uid)]
    probes += [("capabilities", _capabilities), ("disk", lambda: _disk(_MINIMUM_FREE)), ("left behind", _left_behind)]
    return [_look(name, probe) for name, probe in probes]


def check_control_plane() -> list[Finding]:
    """What the bare control plane needs beyond that."""
    return [_look("etcd", lambda: str(find_etcd())), _look("kube-apiserver", lambda: str(find_kube_apiserver()))]


def check_kind(node_image: str | None = None) -> list[Finding]:
    """What a kind cluster needs beyond that."""
    probes: list[tuple[str, Probe]] = [
        ("kind", _kind),
        ("docker version", _docker),
        ("kubectl version", _kubectl),
        ("node image", lambda: _node_image(node_image)),
        ("inotify", _inotify),
        ("memory", _memory),
        ("disk for kind", lambda: _disk(_KIND_FREE)),
        ("cgroups", _cgroups),
    ]
    return [_look(name, probe) for name, probe in probes]


def check_daemon(socket: Path, name: str) -> list[Finding]:
    """What the daemon that is to hold the node has to say."""
    return [
        _look("storage driver", lambda: _storage(socket)),
        _look("name clash", lambda: _clash(socket, name)),
    ]


def require_kind(socket: Path, name: str) -> None:
    """Raise LabUnavailable with every finding that stands in the way of a kind cluster, each with its cure."""
    failures = [f for f in (*check_kind(), *check_daemon(socket, name)) if f.level == "fail"]
    if failures:
        told = "\n".join(f"  {f.check}: {f.said}{f' - {f.cure}' if f.cure else ''}" for f in failures)
        raise LabUnavailable(f"this host is not fit for a kind cluster:\n{told}")


def _look(name: str, probe: Probe) -> Finding:
    try:
        return Finding(name, "ok", probe())
    except Doubt as doubt:
        return Finding(name, "warn", doubt.message, doubt.hint)
    except LivefireError as error:
        return Finding(name, "fail", error.message, error.hint)
    except OSError as error:
        return Finding(name, "fail", str(error))


def _root() -> str:
    if os.geteuid() != 0:
        raise LabUnavailable("a managed Docker host and auditd need root", hint="Run with sudo.")
    return "yes"


def _busybox() -> str:
    path = find_tool("busybox", package="busybox-static")
    if not is_static(path):
        raise LabUnavailable(f"{path} is not static", hint="Install the package 'busybox-static'.")
    return f"{path}, static"


def _audit() -> str:
    status = kernel_status()
    if status["enabled"] == 2:
        raise LabUnavailable("the kernel's audit rules are locked (auditctl -e 2)", hint="Only a reboot unlocks them.")
    daemon = f"auditd runs, pid {status['pid']}" if status["pid"] else "no auditd runs: one will be started"
    return f"{daemon}; lost {status['lost']}"


def _login_uid() -> str:
    if kernel_status().get("loginuid_immutable", 0):
        return "immutable: atomics are told apart by their process tree"
    return "can be set: each atomic gets an audit session of its own"


def _capabilities() -> str:
    return "bounded: the OCI runtime shim will be used" if needs_shim() else "full: runc is used as it is"


def _disk(needed: int) -> str:
    root = state_root()
    while not root.exists():
        root = root.parent
    free = shutil.disk_usage(root).free
    if free < needed:
        raise LabUnavailable(
            f"{free >> 20} MiB free below {root}, {needed >> 20} MiB are needed",
            hint="Free some, or set LIVEFIRE_STATE to a folder with more.",
        )
    return f"{free >> 30} GiB free below {root}"


def _left_behind() -> str:
    kept = [o for o in owned_folders() if (o.path / "lab.json").exists()]
    others = [o.id for o in owned_folders() if o not in kept]
    if others:
        raise LabUnavailable(", ".join(others), hint="Run `livefire clean`, unless a run is going on.")
    return "nothing" + (f"; kept lab {kept[0].id}" if kept else "")


def _version(said: str) -> tuple[int, ...]:
    match = re.search(r"v?(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _kind() -> str:
    path = find_kind()
    said = run([path, "version"]).output.strip()
    if _version(said) < _KIND_VERSION:
        raise LabUnavailable(f"{said} is too old", hint="Install kind 0.27, or run scripts/fetch-kind.")
    return f"{said}, {path}"


def _docker() -> str:
    said = run([find_tool("docker", package="docker.io"), "--version"]).output.strip()
    if _version(said) < _DOCKER_VERSION:
        raise LabUnavailable(f"{said} is too old", hint="Install Docker 20.10 or later.")
    return said


def _kubectl() -> str:
    done = run([find_tool("kubectl", package="kubernetes-client"), "version", "--client", "-o", "json"], check=False)
    match = re.search(r'"gitVersion": "([^"]+)"', done.output)
    if not match:
        raise Doubt("kubectl does not tell its version", hint="Check that it runs: kubectl version --client")
    return match[1]


def _node_image(given: str | None) -> str:
    image = choose(given)
    if image.archive is None:
        hint = "Run scripts/build-node-image, or `livefire lab pull` where a registry answers."
        raise Doubt(f"{image.reference} is not cached and would be pulled", hint=hint)
    return f"{image.reference}, {image.why}"


def _inotify() -> str:
    low = []
    for name, (least, advised) in _INOTIFY.items():
        value = int(Path(f"/proc/sys/fs/inotify/{name}").read_text())
        cure = f"sysctl fs.inotify.{name}={advised}"
        if value < least:
            raise LabUnavailable(f"fs.inotify.{name} is {value}: too little for a node", hint=cure)
        if value < advised:
            low.append((f"{name} {value}", cure))
    if low:
        raise Doubt(f"{', '.join(n for n, _ in low)}: enough for one node", hint="; ".join(c for _, c in low))
    return "enough for several nodes"


def _memory() -> str:
    text = Path("/proc/meminfo").read_text()
    available = int(re.search(r"MemAvailable:\s*(\d+)", text)[1]) << 10  # type: ignore[index]
    if available < _KIND_MEMORY:
        hint = "Free some, or use --cluster control-plane, which needs 400 MiB."
        raise LabUnavailable(f"{available >> 20} MiB are available, a node needs {_KIND_MEMORY >> 20} MiB", hint=hint)
    return f"{available >> 20} MiB available"


def _cgroups() -> str:
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    needed = {"cpu", "cpuset", "memory", "pids"}
    if unified:
        found = set(Path("/sys/fs/cgroup/cgroup.controllers").read_text().split())
    else:
        found = {line.split()[0] for line in Path("/proc/cgroups").read_text().splitlines() if line.endswith("1")}
    if missing := needed - found:
        raise LabUnavailable(f"controllers are missing: {', '.join(sorted(missing))}", hint="Enable them at boot.")
    return "version 2" if unified else "version 1"


def _daemon(socket: Path) -> dict[str, str]:
    try:
        with docker_client(socket, timeout=10) as client:
            found: dict[str, str] = client.info()
            return found
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise LabUnavailable(f"the Docker daemon does not answer: {str(error).splitlines()[0]}") from None


def _storage(socket: Path) -> str:
    driver = str(_daemon(socket).get("Driver"))
    if driver == "vfs":
        hint = "It copies every layer: use a file system that overlay2 works on, such as ext4 or xfs."
        raise Doubt("vfs: slow, and five times as much disk", hint=hint)
    return driver


def _clash(socket: Path, name: str) -> str:
    try:
        with docker_client(socket, timeout=10) as client:
            nodes = client.containers.list(all=True, filters={"label": CLUSTER_LABEL})
            names = sorted({str(node.labels[CLUSTER_LABEL]) for node in nodes})
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise LabUnavailable(f"the Docker daemon does not answer: {str(error).splitlines()[0]}") from None
    if name in names:
        raise LabUnavailable(f"there is a kind cluster named {name} already", hint="Run `livefire clean`.")
    left = [each for each in names if re.fullmatch(r"lab-[0-9a-f]{6}", each)]
    known = {owned.id for owned in owned_folders()}
    if strangers := [each for each in left if each not in known]:
        hint = "They look like Livefire's, from another state folder; `kind delete cluster --name NAME` removes one."
        raise Doubt(f"clusters {', '.join(strangers)} are there", hint=hint)
    return f"none; {len(names)} other clusters are left alone"
