"""A daemon's state in memory, where there is enough of it: the state is thrown away, so it needs no disk.

To remove the ten thousand files of a node from a disk takes longer than all other steps of taking a lab down.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.host.process import run

# A kind cluster on kind's own node image takes 2 GiB in memory, 3 GiB while the image is being loaded.
_LEAST = 8 << 30


def mount_ramdisk(folder: Path) -> bool:
    """Mount a tmpfs (tmpfs(5)) on an empty folder, bounded to half of the memory that is available.

    Returns False, and leaves the folder as it is, where less than 8 GiB are available or this process may not mount.
    The caller has written `mounts` to the ledger, which undoes all mounts below the owner's folder.
    """
    available = memory_available(Path("/proc/meminfo").read_text())
    if available < _LEAST:
        return False
    options = f"mode=0700,size={available // 2}"
    return run(["mount", "-t", "tmpfs", "-o", options, "livefire", folder], check=False).code == 0


def memory_available(meminfo: str) -> int:
    """MemAvailable of /proc/meminfo (proc(5)), in bytes; 0 where it is missing."""
    match = re.search(r"^MemAvailable:\s*(\d+) kB", meminfo, re.MULTILINE)
    return int(match[1]) << 10 if match else 0
