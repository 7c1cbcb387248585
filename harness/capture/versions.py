"""Which versions of everything took part, for the recording."""

from __future__ import annotations

import os
import platform
import re
import socket
from pathlib import Path

from harness import __version__
from harness.capture.lab.lab import Lab
from harness.capture.process import run
from harness.errors import LivefireError
from harness.model.manifest import Host

_TOOLS = {
    "docker-cli": (["docker", "--version"], r"version ([^, ]+)"),
    "containerd": (["containerd", "--version"], r" (v?\d[^ ]*) "),
    "runc": (["runc", "--version"], r"version ([^\s]+)"),
    "auditd": (["auditctl", "-v"], r"version ([^\s]+)"),
    "kubectl": (["kubectl", "version", "--client", "-o", "json"], r'"gitVersion": "([^"]+)"'),
}


def host() -> Host:
    """This machine."""
    kernel = os.uname()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Host(hostname=socket.gethostname(), kernel=kernel.release, machine=kernel.machine, boot_id=boot)


def tool_versions() -> dict[str, str]:
    """Livefire, Python, and each tool that answers."""
    found = {"livefire": __version__, "python": platform.python_version()}
    for name, (command, pattern) in _TOOLS.items():
        try:
            done = run(command, check=False, timeout=10)
        except (OSError, LivefireError):
            continue
        if match := re.search(pattern, done.output + done.errors):
            found[name] = match[1]
    return found


def lab_versions(lab: Lab) -> dict[str, str]:
    """The daemons of a lab."""
    found = {}
    if lab.docker:
        found["dockerd"] = lab.docker.version
    if lab.cluster:
        found["kube-apiserver"] = lab.cluster.version
    return found
