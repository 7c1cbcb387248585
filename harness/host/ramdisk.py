"""A daemon's state in memory, where there is enough of it: it is thrown away, so no disk need ever see it.

Removing the ten thousand files of a node from a disk takes longer than everything else that takes a lab down.
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
    Whoever asks for it has written `mounts` into the ledger: that undoes whatever is mounted below the owner's folder.
    """
    available = memory_available(Path("/proc/meminfo").read_text())
    if available < _LEAST:
        return False
    options = f"mode=0700,size={available // 2}"
    return run(["mount", "-t", "tmpfs", "-o", options, "livefire", folder], check=False).code == 0


def memory_available(meminfo: str) -> int:
    """MemAvailable of /proc/meminfo (proc(5)), in bytes; 0 where a kernel does not tell."""
    match = re.search(r"^MemAvailable:\s*(\d+) kB", meminfo, re.MULTILINE)
    return int(match[1]) << 10 if match else 0
