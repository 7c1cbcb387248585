"""`livefire doctor`: what this host can do, each finding with its cure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import typer
from rich.console import Console

from harness.capture.lab.control_plane import find_etcd, find_kube_apiserver
from harness.capture.lab.docker_host import needs_shim
from harness.capture.lab.image import is_static
from harness.capture.process import find_tool
from harness.capture.sensors.auditd import kernel_status
from harness.capture.state import owned_folders, state_root
from harness.cli.options import AsJson, print_json
from harness.errors import LabUnavailable, LivefireError

_TOOLS = {"dockerd": "docker.io", "docker": "docker.io", "containerd": "containerd", "runc": "runc", "ip": "iproute2"}
_TOOLS |= {"auditd": "auditd", "auditctl": "auditd", "kubectl": "kubernetes-client", "openssl": "openssl"}
_MINIMUM_FREE = 2 << 30


def doctor(json: AsJson = False) -> None:
    """Check what a live run needs. `livefire prove` needs none of it. Exit 3 when something is missing."""
    findings = [_probe(name, probe) for name, probe in _checks()]
    if json:
        print_json(findings)
    else:
        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            console.print(
                f"{'ok' if finding['ok'] else 'FAIL':5} {finding['check']:15} {finding['said']}", markup=False
            )
    raise typer.Exit(0 if all(finding["ok"] for finding in findings) else 3)


def _probe(name: str, probe: Callable[[], str]) -> dict[str, str | bool]:
    try:
        return {"check": name, "ok": True, "said": probe()}
    except (LivefireError, OSError) as error:
        return {"check": name, "ok": False, "said": str(error)}


def _checks() -> list[tuple[str, Callable[[], str]]]:
    tools = [(tool, partial(_tool, tool, package)) for tool, package in _TOOLS.items()]
    return [
        ("root", _root),
        *tools,
        ("busybox", _busybox),
        ("etcd", lambda: str(find_etcd())),
        ("kube-apiserver", lambda: str(find_kube_apiserver())),
        ("audit", _audit),
        ("login uid", _login_uid),
        ("capabilities", _capabilities),
        ("disk", _disk),
        ("left behind", _left_behind),
    ]


def _tool(name: str, package: str) -> str:
    return str(find_tool(name, package=package))


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
        raise LabUnavailable("the kernel's audit rules are locked until the next boot (auditctl -e 2)")
    daemon = f"auditd runs, pid {status['pid']}" if status["pid"] else "no auditd runs: one will be started"
    return f"{daemon}; lost {status['lost']}"


def _login_uid() -> str:
    if kernel_status().get("loginuid_immutable", 0):
        return "immutable: atomics are told apart by their process tree"
    return "can be set: each atomic gets an audit session of its own"


def _capabilities() -> str:
    return "bounded: the OCI runtime shim will be used" if needs_shim() else "full: runc is used as it is"


def _disk() -> str:
    root = state_root()
    while not root.exists():
        root = root.parent
    free = shutil.disk_usage(root).free
    if free < _MINIMUM_FREE:
        raise LabUnavailable(f"{free >> 20} MiB free below {root}", hint="Free 2 GiB, or set LIVEFIRE_STATE.")
    return f"{free >> 30} GiB free below {Path(root)}"


def _left_behind() -> str:
    kept = [o for o in owned_folders() if (o.path / "lab.json").exists()]
    others = [o.id for o in owned_folders() if o not in kept and not (o.path / "lab.json").exists()]
    if others:
        raise LabUnavailable(f"{', '.join(others)}", hint="Run `livefire clean`, unless a run is going on.")
    return "nothing" + (f"; kept lab {kept[0].id}" if kept else "")
