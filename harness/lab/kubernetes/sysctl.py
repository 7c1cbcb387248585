"""The kernel settings that a node of kind changes on the kernel that it shares with us: written down, and put back."""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import LivefireError
from harness.host.kinds import Foreign, Whose, undoes
from harness.host.owned_folders import OwnedFolder

# What the kubelet (pkg/kubelet/cm, KernelTunables) and systemd (src/core/main.c) set.
SYSCTLS = (
    "fs.file-max",
    "fs.nr_open",
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.pid_max",
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "net.netfilter.nf_conntrack_max",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
)


def record_sysctls(owned: OwnedFolder) -> None:
    """Write the kernel settings that a node changes into the ledger. First of all: they are put back last of all."""
    for name in SYSCTLS:
        path = _file(name)
        if path.exists():
            owned.ledger.add("sysctl", name=name, value=path.read_text().strip())


@undoes("sysctl")
def sysctl(whose: Whose, name: str, value: str) -> None:
    """Put a kernel setting back."""
    if name not in SYSCTLS or not re.fullmatch(r"-?[0-9]{1,20}", value):
        raise Foreign("no node changes this setting, or not to this value")
    path = _file(name)
    try:
        if path.read_text().strip() != value:
            path.write_text(value)
    except OSError as error:
        raise LivefireError(f"it cannot be set back: {error.strerror}") from None


def _file(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")
