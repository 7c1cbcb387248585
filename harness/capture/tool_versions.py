"""The versions of all tools and daemons of a capture, for the recording."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import platform
import re
import shutil
import socket
from pathlib import Path

from harness import __version__
from harness.errors import LivefireError
from harness.host.process import base_environment, run
from harness.lab.kubernetes.binaries import find_kind
from harness.lab.lab import Lab
from harness.model.manifest import Host

_NET = Path("/proc/net")
_LOCAL = re.compile(r"\|-- ([0-9.]+)\n +/32 host LOCAL")
_IPV6 = re.compile(r"(?m)^([0-9a-f]{32}) ")
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
    return Host(
        hostname=socket.gethostname(),
        kernel=kernel.release,
        machine=kernel.machine,
        boot_id=boot,
        addresses=addresses(_text(_NET / "fib_trie"), _text(_NET / "if_inet6")),
    )


def addresses(ipv4: str, ipv6: str) -> list[str]:
    """The machine's own IP addresses, without those of loopback, from the kernel's two tables (/proc/net).

    `fib_trie` has each as a leaf of the kind LOCAL, `if_inet6` one a line, in hex. Any other text is skipped.
    """
    texts = [match[1] for match in _LOCAL.finditer(ipv4)]
    texts += [":".join(re.findall("....", match[1])) for match in _IPV6.finditer(ipv6)]
    own = set()
    for text in texts:
        with contextlib.suppress(ValueError):
            own.add(ipaddress.ip_address(text))
    return sorted(str(address) for address in own if not address.is_loopback)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def tool_versions(cache: Path) -> dict[str, str]:
    """The versions of Livefire, Python, and each tool that answers, by name.

    To ask all tools takes as long as the attacks. So the answers are kept in the file `cache`, each for as long as
    the program's file stays the same.
    """
    versions = {"livefire": __version__, "python": platform.python_version()}
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
            versions[name] = known[key]
    cache.write_text(json.dumps(known))
    return versions


def _program(name: str) -> str | None:
    if name == "kind":  # it may lie in the cache
        with contextlib.suppress(LivefireError):
            return str(find_kind())
        return None
    return shutil.which(name, path=base_environment()["PATH"])


def lab_versions(lab: Lab) -> dict[str, str]:
    """The versions of a lab's daemons, by name."""
    versions = {}
    if lab.docker:
        versions["dockerd"] = lab.docker.version
    if lab.cluster:
        versions["kube-apiserver"] = lab.cluster.version
    return versions
