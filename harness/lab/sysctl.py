"""Kernel settings that a node of kind or a swarm changes: written to the ledger before, and put back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import LivefireError
from harness.host.kinds import Foreign, Whose, undoes
from harness.host.ledger import Ledger

# What the kubelet (pkg/kubelet/cm, KernelTunables) and systemd (src/core/main.c) set.
NODE = (
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
# What the Docker daemon sets for a swarm's networks (libnetwork, drivers/overlay/ostweaks_linux.go).
SWARM = tuple(f"net.ipv4.neigh.default.gc_thresh{number}" for number in (1, 2, 3))


def sysctls(names: Sequence[str]) -> dict[str, str]:
    """The values of those settings that this kernel has."""
    paths = {name: _file(name) for name in names}
    return {name: path.read_text().strip() for name, path in paths.items() if path.exists()}


def record_sysctls(ledger: Ledger, values: Mapping[str, str]) -> list[str]:
    """Write the values of settings to the ledger, before they change. Returns the ids of its entries."""
    return [ledger.add("sysctl", name=name, value=value) for name, value in values.items()]


@undoes("sysctl")
def sysctl(whose: Whose, name: str, value: str) -> None:
    """Put a kernel setting back."""
    if name not in (*NODE, *SWARM) or not re.fullmatch(r"-?[0-9]{1,20}", value):
        raise Foreign("it is no setting that a node or a swarm changes, or no number")
    path = _file(name)
    try:
        if path.read_text().strip() != value:
            path.write_text(value)
    except OSError as error:
        raise LivefireError(f"it can't be put back: {error.strerror}") from None


def _file(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")
