"""The process that sent a request to the daemon, read from its socket and from /proc while it waits for the answer.

A pid may be another process's later. So its start, its audit session, its ancestors and its control groups, which
name a container, are recorded, too (proc(5)).
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

_UNSET = 0xFFFFFFFF
_DEEPEST = 64
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Peer:
    """A process. `started` is seconds since the boot; `above` are the pids of its ancestors, the parent first.

    `started` is None where the process ended before /proc was read: then only its pid is known.
    """

    pid: int
    started: float | None = None
    session: int | None = None
    above: tuple[int, ...] = ()
    cgroup: str = ""


def peer_of(connection: socket.socket) -> Peer:
    """The process that connected (SO_PEERCRED, unix(7))."""
    pid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    return look_at(pid)


def look_at(pid: int) -> Peer:
    """A process as /proc describes it."""
    folder = Path("/proc") / str(pid)
    try:
        started = int(_stat(pid)[19]) / _TICKS
        session = int((folder / "sessionid").read_text())
        cgroup = (folder / "cgroup").read_text().strip()
        above: list[int] = []
        next_ = int(_stat(pid)[1])
        while next_ > 0 and len(above) < _DEEPEST:
            above.append(next_)
            with contextlib.suppress(OSError, IndexError):
                next_ = int(_stat(next_)[1])
                continue
            break
    except (OSError, ValueError, IndexError):
        return Peer(pid)
    return Peer(pid, started, None if session == _UNSET else session, tuple(above), cgroup)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: state, ppid, … starttime is the 22nd."""
    return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
