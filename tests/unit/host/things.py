"""Real things that a lab may have made: processes, and where root allows control groups, links and mounts."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

from harness.host.owned_folders import OwnedFolder
from harness.host.process import OWNER, owned_processes
from harness.host.undo import mounts_below


class Things:
    """What is made for a lab, written into its ledger first, as the lab does it."""

    def __init__(self, owned: OwnedFolder) -> None:
        self.owned = owned
        self.owner = f"{owned.id}/sleeper"
        self.bridge = f"lf-{owned.id.removeprefix('lab-')}"
        self.mount = owned.path / "mé nt"
        owned.ledger.add("bridge", name=self.bridge)
        owned.ledger.add("cgroup", name=f"livefire-{owned.id}")
        owned.ledger.add("mounts")
        owned.ledger.add("daemon", owner=self.owner)
        self.process = sleeper(self.owner)
        if os.geteuid() == 0:
            self._for_root()

    def _for_root(self) -> None:
        with contextlib.suppress(OSError):  # not everywhere may root make one
            self._cgroup.mkdir()
        subprocess.run(["ip", "link", "add", self.bridge, "type", "bridge"], check=False, capture_output=True)
        self.mount.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "livefire", self.mount], check=False, capture_output=True)

    @property
    def _cgroup(self) -> Path:
        v1 = Path("/sys/fs/cgroup/pids")
        return (v1 if v1.is_dir() else Path("/sys/fs/cgroup")) / f"livefire-{self.owned.id}"

    def left(self) -> list[str]:
        """What there still is."""
        found = ["process"] if self.process.poll() is None else []
        found += ["cgroup"] if self._cgroup.exists() else []
        found += ["bridge"] if Path("/sys/class/net", self.bridge).exists() else []
        return found + (["mount"] if mounts_below(self.owned.path) else [])

    def remove(self) -> None:
        """For a test that failed."""
        self.process.kill()
        self.process.wait()
        for command in (["ip", "link", "delete", self.bridge], ["umount", str(self.mount)]):
            subprocess.run(command, check=False, capture_output=True)
        with contextlib.suppress(OSError):
            self._cgroup.rmdir()


def sleeper(owner: str) -> subprocess.Popen[bytes]:
    """A process that carries an owner's name."""
    process = subprocess.Popen(["sleep", "60"], env={"PATH": "/usr/bin:/bin", OWNER: owner}, start_new_session=True)
    while process.pid not in owned_processes(owner):  # between fork and exec it has our environment
        time.sleep(0.005)
    return process
