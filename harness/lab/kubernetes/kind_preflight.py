"""Checks of what a kind cluster needs of this host."""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import LabUnavailable
from harness.host.preflight import Check, Doubt, Probe, free_disk, look
from harness.host.process import find_tool, run
from harness.host.ramdisk import memory_available
from harness.lab.docker.daemon_preflight import check_daemon
from harness.lab.kubernetes.binaries import find_kind
from harness.lab.kubernetes.node_image import choose

_KIND_FREE = 3 << 30
_KIND_MEMORY = 1536 << 20
# kind, "Known Issues", Pod errors due to "too many open files": 512 and 524288; one node needs less.
_INOTIFY = {"max_user_instances": (64, 512), "max_user_watches": (8192, 524288)}
# Livefire is made for kind 0.27; the configuration works from this version on.
_KIND_VERSION = (0, 20)
_DOCKER_VERSION = (20, 10)


def check_kind(node_image: str | None = None) -> list[Check]:
    """Check what a kind cluster needs beyond a control plane."""
    probes: list[tuple[str, Probe]] = [
        ("kind", _kind),
        ("docker version", _docker),
        ("kubectl version", _kubectl),
        ("node image", lambda: _node_image(node_image)),
        ("inotify", _inotify),
        ("memory", _memory),
        ("disk for kind", lambda: free_disk(_KIND_FREE)),
        ("cgroups", _cgroups),
        ("overlay", _overlay),
    ]
    return [look(name, probe) for name, probe in probes]


def require_kind(socket: Path, name: str) -> None:
    """Raise LabUnavailable with every failed check for a kind cluster, each with its cure."""
    failures = [f for f in (*check_kind(), *check_daemon(socket, name)) if f.level == "fail"]
    if failures:
        lines = [f"{f.name}: {f.said}{f' - {f.cure}' if f.cure else ''}" for f in failures]
        raise LabUnavailable("this host is not fit for a kind cluster:", more=lines)


def _version(text: str) -> tuple[int, ...]:
    match = re.search(r"v?(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _kind() -> str:
    path = find_kind()
    text = run([path, "version"]).output.strip()
    if _version(text) < _KIND_VERSION:
        raise LabUnavailable(f"{text} is too old", hint="Install kind 0.27, or run scripts/fetch-kind.")
    return f"{text}, {path}"


def _docker() -> str:
    text = run([find_tool("docker", package="docker.io"), "--version"]).output.strip()
    if _version(text) < _DOCKER_VERSION:
        raise LabUnavailable(f"{text} is too old", hint="Install Docker 20.10 or later.")
    return text


def _kubectl() -> str:
    done = run([find_tool("kubectl", package="kubernetes-client"), "version", "--client", "-o", "json"], check=False)
    match = re.search(r'"gitVersion": "([^"]+)"', done.output)
    if not match:
        raise Doubt("kubectl does not print its version", hint="Check that it runs: kubectl version --client")
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
    available = memory_available(Path("/proc/meminfo").read_text())
    if available < _KIND_MEMORY:
        hint = "Free some, or use --cluster control-plane, which needs 400 MiB."
        raise LabUnavailable(f"{available >> 20} MiB are available, a node needs {_KIND_MEMORY >> 20} MiB", hint=hint)
    return f"{available >> 20} MiB available"


def _cgroups() -> str:
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    needed = {"cpu", "cpuset", "memory", "pids"}
    if unified:
        controllers = set(Path("/sys/fs/cgroup/cgroup.controllers").read_text().split())
    else:
        controllers = {line.split()[0] for line in Path("/proc/cgroups").read_text().splitlines() if line.endswith("1")}
    if missing := needed - controllers:
        raise LabUnavailable(f"controllers are missing: {', '.join(sorted(missing))}", hint="Enable them at boot.")
    return "version 2" if unified else "version 1"


def _overlay() -> str:
    if "overlay" not in Path("/proc/filesystems").read_text().split():
        hint = "modprobe overlay; without it Docker and the node copy every layer."
        raise Doubt("the kernel has no overlay file system, or has not loaded it yet", hint=hint)
    return "the kernel has it"
