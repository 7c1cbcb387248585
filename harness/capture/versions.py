"""Which versions of everything took part, for the recording."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import socket
from pathlib import Path

from harness import __version__
from harness.capture.lab.kind import find_kind
from harness.capture.lab.lab import Lab
from harness.capture.process import base_environment, run
from harness.errors import LivefireError
from harness.model.manifest import Host

_TOOLS = {
    "docker-cli": (["docker", "--version"], r"version ([^, ]+)"),
    "containerd": (["containerd", "--version"], r" (v?\d[^ ]*) "),
    "runc": (["runc", "--version"], r"version ([^\s]+)"),
    "podman": (["podman", "--version"], r"version ([^\s]+)"),
    "docker-registry": (["docker-registry", "--version"], r" (v?\d[^\s]*)"),
    "kind": (["kind", "version"], r"kind (v[^ ]+)"),
    "auditd": (["auditctl", "-v"], r"version ([^\s]+)"),
    "kubectl": (["kubectl", "version", "--client", "-o", "json"], r'"gitVersion": "([^"]+)"'),
}


def host() -> Host:
    """This machine."""
    kernel = os.uname()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Host(hostname=socket.gethostname(), kernel=kernel.release, machine=kernel.machine, boot_id=boot)


def tool_versions(cache: Path) -> dict[str, str]:
    """Livefire, Python, and each tool that answers.

    Asking them all takes as long as the attacks, so the answers are kept in `cache`, each for as long as the
    program's file stays the same.
    """
    found = {"livefire": __version__, "python": platform.python_version()}
    try:
        known = json.loads(cache.read_text())
    except (OSError, ValueError):
        known = {}
    for name, (command, pattern) in _TOOLS.items():
        path = _program(command[0])
        if path is None:
            continue
        stat = Path(path).stat()  # of what a link points to
        key = f"{Path(path).resolve()} {stat.st_mtime_ns} {stat.st_size}"
        if key not in known:
            with contextlib.suppress(LivefireError):
                done = run([path, *command[1:]], check=False, timeout=10)
                match = re.search(pattern, done.output + done.errors)
                known[key] = match[1] if match else ""
        if known.get(key):
            found[name] = known[key]
    cache.write_text(json.dumps(known))
    return found


def _program(name: str) -> str | None:
    if name == "kind":  # it may lie in the cache
        with contextlib.suppress(LivefireError):
            return str(find_kind())
        return None
    return shutil.which(name, path=base_environment()["PATH"])


def lab_versions(lab: Lab) -> dict[str, str]:
    """The daemons of a lab."""
    found = {}
    if lab.docker:
        found["dockerd"] = lab.docker.version
    if lab.cluster:
        found["kube-apiserver"] = lab.cluster.version
    return found
