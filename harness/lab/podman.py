"""Podman's configuration in an atomic's home, with storage, state and a runtime for this atomic alone.

Podman has no daemon. As root it would use the host's own storage. Its processes stay in the atomic's audit session; its
containers are in a control group of ours, which the ledger names.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from harness.errors import LabUnavailable
from harness.host.process import find_tool
from harness.lab.docker import oci_shim

# containers.conf(5), containers-storage.conf(5). Locks are in a file, removed with the home, not in shared memory.
# No firewall rule and no bridge is made unless the command line asks for a network.
_ENGINE = """\
[containers]
cgroups = "no-conmon"
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "livefire"
tmp_dir = {tmp}
[engine.runtimes]
livefire = [{runtime}]
[network]
network_config_dir = {networks}
"""
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = {storage}
runroot = {run}
"""


def podman_environment(home: Path, cgroup: str) -> dict[str, str]:
    """Write the configuration below `home`, and return the variables that name it; none where there is no Podman."""
    try:
        find_tool("podman")
        runc = find_tool("runc")
    except LabUnavailable:
        return {}
    data, configuration = home / ".local/share/containers", home / ".config/containers"
    for folder in (data, configuration):
        folder.mkdir(mode=0o700, parents=True)
    runtime = _write_runtime(configuration / "runtime", runc, data / "runc", cgroup)
    # a TOML string in quotes is written as JSON writes it
    values = {name: json.dumps(str(data / name)) for name in ("tmp", "networks", "storage")}
    values["run"] = json.dumps(str(home / "podman"))  # where it is longer than 50 bytes, `podman run` ends 20 s late
    engine, storage = configuration / "containers.conf", configuration / "storage.conf"
    engine.write_text(_ENGINE.format(runtime=json.dumps(str(runtime)), **values))
    storage.write_text(_STORAGE.format(**values))
    return {"CONTAINERS_CONF": str(engine), "CONTAINERS_STORAGE_CONF": str(storage)}


def _write_runtime(path: Path, runc: Path, state: Path, cgroup: str) -> Path:
    """A runtime of shim and runc: Podman's configuration has no option for a control group, so the shim sets it."""
    interpreter = Path(sys.executable).resolve()
    command = [str(interpreter), "-I", "-S", oci_shim.__file__, f"--cgroup=/{cgroup}", str(runc), f"--root={state}"]
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    path.chmod(0o700)
    return path
