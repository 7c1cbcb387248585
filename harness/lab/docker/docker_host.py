"""The Docker host: a private daemon of our own, or the one that the user names."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import docker.errors

from harness.errors import LabUnavailable, Refused
from harness.host.daemons import check_runs, start_daemon, start_recorded
from harness.host.owned_folders import OwnedFolder
from harness.host.process import find_tool, run
from harness.host.ramdisk import mount_ramdisk
from harness.host.waiting import NotYet, wait_until
from harness.lab.docker import made_undo as made_undo  # registers how networks are undone
from harness.lab.docker import oci_shim
from harness.lab.docker.docker_api import docker_client
from harness.lab.docker.docker_undo import IMAGE, OUTSIDE, bridge_names, namespace
from harness.lab.docker.image import REFERENCE, ensure_image
from harness.lab.docker.registry import start_registry

_SUBNETS = ipaddress.IPv4Network("10.213.0.0/16")


@dataclass(frozen=True)
class DockerHost:
    """A daemon that answers. `log` is its debug log, None where we can't read it; `owned` says that we started it.

    Of a daemon of ours, `registry` is HOST:PORT of its registry, empty where there is none; `containerd` is the socket
    of its containerd, and `namespace` the one for containers that are made there without the daemon.
    """

    kind: str
    name: str
    socket: Path
    log: Path | None
    version: str
    reason: str
    shim: bool
    owned: bool
    registry: str = ""
    containerd: Path | None = None
    namespace: str = ""


def start_managed(owned: OwnedFolder, reason: str) -> DockerHost:
    """Start a private containerd and dockerd with their own roots, sockets, bridge and control group.

    Raises LabUnavailable with the last lines of the daemon's log.
    """
    folder = owned.path / "docker"
    folder.mkdir(mode=0o700)
    owned.ledger.add("mounts")
    mount_ramdisk(folder)
    bounded = needs_shim()
    registry = start_registry(owned)
    bridge = _make_bridge(owned)
    owned.ledger.add("empty_folders", paths=[str(path) for path in OUTSIDE if not path.exists()])
    owned.ledger.add("containerd_state")
    owned.ledger.add("cgroup", name=namespace(owned.id))
    containerd = _start_containerd(owned, folder)
    socket, log = folder / "docker.sock", folder / "dockerd.log"
    command = [*_dockerd_command(owned, folder, bridge), f"--host=unix://{socket}", f"--containerd={containerd}"]
    if bounded:
        command += [f"--add-runtime=livefire={_write_shim(folder)}", "--default-runtime=livefire"]
    version = _start_dockerd(owned, command, socket, log)
    with docker_client(socket) as client:
        ensure_image(client)
        if registry:
            registry.seed(client)
    return DockerHost(
        kind="managed",
        name=owned.id,
        socket=socket,
        log=log,
        version=version,
        reason=reason,
        shim=bounded,
        owned=True,
        registry=registry.address if registry else "",
        containerd=containerd,
        namespace=namespace(owned.id),
    )


def _dockerd_command(owned: OwnedFolder, folder: Path, bridge: str) -> list[str | Path]:
    """dockerd that uses no configuration, firewall, forwarding or control group of the host."""
    dockerd = find_tool("dockerd", package="docker.io")
    command: list[str | Path] = [dockerd, "--debug", f"--config-file={_configuration(dockerd, folder)}"]
    command += [f"--data-root={folder / 'data'}", f"--exec-root={folder / 'exec'}", f"--pidfile={folder / 'pid'}"]
    command += [f"--bridge={bridge}", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]
    command += [f"--cgroup-parent=/{namespace(owned.id)}", "--exec-opt=native.cgroupdriver=cgroupfs"]
    if run([dockerd, "--log-format=text", "--version"], check=False).code == 0:
        command.append("--log-format=text")  # an option since release 28; before, the format is always text
    return command


def use_host(owned: OwnedFolder, reason: str) -> DockerHost:
    """Use the daemon of DOCKER_HOST, or at the default socket.

    Raises Refused for one that is not local, since auditd sees this kernel's processes; LabUnavailable if it is down.
    """
    address = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not address.startswith("unix://"):
        hint = "auditd sees only this machine's processes: point DOCKER_HOST to a Unix socket, or use --docker managed."
        raise Refused(f"the Docker host {address} is not local", hint=hint)
    socket = Path(address.removeprefix("unix://"))
    try:
        version = _ping(socket)
    except NotYet as error:
        hint = "Start it, or use --docker managed."
        raise LabUnavailable(f"the Docker daemon at {address} does not answer: {error}", hint=hint) from None
    record_image(owned, socket, REFERENCE)
    with docker_client(socket) as client:
        ensure_image(client)
    return DockerHost("host", address, socket, None, version, reason, shim=False, owned=False)


def record_image(owned: OwnedFolder, socket: Path, reference: str) -> None:
    """Write down a name of ours that an image is about to get on the user's daemon, unless an image has it already."""
    with docker_client(socket) as client:
        if IMAGE.fullmatch(reference) and not client.images.list(name=reference):
            owned.ledger.add("image", socket=str(socket), reference=reference)


def needs_shim() -> bool:
    """Whether this host's capability set is bounded (oci_shim.py says what follows)."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    return oci_shim.is_bounded(Path("/proc/self/status").read_text(), last)


def _ping(socket: Path) -> str:
    try:
        with docker_client(socket, timeout=5) as client:
            return str(client.version()["Version"])
    except (docker.errors.DockerException, OSError) as error:
        raise NotYet(str(error).splitlines()[0]) from None


def _start_dockerd(owned: OwnedFolder, command: list[str | Path], socket: Path, log: Path) -> str:
    """Start dockerd; returns its version once it answers on its socket. Raises LabUnavailable."""
    owner = f"{owned.id}/dockerd"
    owned.ledger.add("daemon", owner=owner)
    owned.ledger.add("lab_networks", socket=str(socket))  # after the daemon's entry, so that it is undone first
    process = start_daemon(command, owner=owner, log=log)

    def answers() -> str:
        check_runs("dockerd", process, log)
        return _ping(socket)

    return wait_until("dockerd", answers, timeout=60)


def _start_containerd(owned: OwnedFolder, folder: Path) -> Path:
    """Start a containerd of our own, else dockerd would use the system's. Returns its socket."""
    socket = folder / "containerd.sock"
    config = folder / "containerd.toml"
    config.write_text(
        f'version = 2\nroot = "{folder / "containerd"}"\nstate = "{folder / "containerd-state"}"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "{socket}"\n'
    )
    log = folder / "containerd.log"
    process = start_recorded(owned, "containerd", [find_tool("containerd"), "--config", config], log=log)

    def listening() -> None:
        check_runs("containerd", process, log)
        if not socket.exists():
            raise NotYet("no socket")

    wait_until("containerd", listening, timeout=60, interval=0.02)
    owned.ledger.add(
        "shim_sockets",
        containerd=str(socket),
        containers=str(folder / "data/containers"),
        state=str(folder / "containerd-state"),
    )
    return socket


def _configuration(dockerd: Path, folder: Path) -> Path:
    """Write a configuration file of our own, else dockerd would read /etc/docker/daemon.json."""
    path = folder / "daemon.json"
    # Releases before 25 write /etc/docker/key.json unless this option of the file names another path.
    path.write_text(json.dumps({"deprecated-key-path": str(folder / "key.json")}))
    major = re.search(r"version (\d+)", run([dockerd, "--version"]).output)
    if major and int(major[1]) >= 23 and run([dockerd, "--validate", f"--config-file={path}"], check=False).code != 0:
        path.write_text("{}")
    return path


def _write_shim(folder: Path) -> Path:
    path = folder / "runc-bounded"
    interpreter = Path(sys.executable).resolve()
    command = shlex.join([str(interpreter), "-I", "-S", oci_shim.__file__, str(find_tool("runc"))])
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o700)
    return path


def _make_bridge(owned: OwnedFolder) -> str:
    """Make a bridge of our own, since a dockerd with --bridge=none deletes docker0, also another daemon's."""
    name = bridge_names(owned.id)[0]
    gateway = next(free_subnet().hosts())
    owned.ledger.add("bridge", name=name)
    run(["ip", "link", "add", name, "type", "bridge"])
    run(["ip", "address", "add", f"{gateway}/24", "dev", name])
    run(["ip", "link", "set", name, "up"])
    return name


def free_subnet() -> ipaddress.IPv4Network:
    """A /24 to which this host has no route. Raises LabUnavailable when there is none."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]).output or "[]")
    used = [ipaddress.IPv4Network(r["dst"], strict=False) for r in routes if r["dst"][:1].isdigit()]
    for subnet in _SUBNETS.subnets(new_prefix=24):
        if not any(subnet.overlaps(network) for network in used):
            return subnet
    raise LabUnavailable(f"no free subnet in {_SUBNETS} for the private Docker bridge")
