"""The processes that run when a capture begins: what they are, and at which sockets others can reach them.

The audit log gives the parent of each later process, but knows nothing of earlier ones. No command line is kept: it may
hold a secret. Source: proc(5); the tables of sockets in /proc/net.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.host.process import OWNER

_SOCKET = re.compile(r"socket:\[(\d+)\]")
_LISTENING = "0A"  # TCP_LISTEN (include/net/tcp_states.h)
_ACCEPTING = 0x10000  # SO_ACCEPTCON, the flag of a Unix socket that listens (include/uapi/linux/net.h)
_FIFO = 0o010000
_TICKS = os.sysconf("SC_CLK_TCK")


def write_alive(target: Path, ours: Sequence[str]) -> int:
    """Write a JSON line for each process that is alive to `target`; returns how many there are.

    `ours` are the ids of this capture and of its lab, whose processes are this Livefire's.

    `pid`, `parent`, `started` (seconds, epoch), `name` (comm), `path` (of its program; empty where it can't be read),
    `session` (null for none), `contained` (it has a pid namespace of its own), `ours`, `asked_at`:
    Unix sockets by path, TCP ports as `tcp:PORT`, and the FIFOs that it has open.
    """
    sockets, booted = _listening(), time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    marks = tuple(f"{OWNER}={owner}/".encode() for owner in ours)
    entries = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    processes = [line for entry in entries for line in _line(entry, sockets, booted, marks)]
    with target.open("w", encoding="utf-8") as out:
        target.chmod(0o600)
        out.writelines(json.dumps(line) + "\n" for line in processes)
    return len(processes)


def _line(entry: Path, sockets: dict[str, str], booted: float, marks: tuple[bytes, ...]) -> Iterator[dict[str, Any]]:
    """The line of a process; none where it ends meanwhile."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        head, _, tail = (entry / "stat").read_text(errors="replace").rpartition(")")
        fields, session = tail.split(), int((entry / "sessionid").read_text())
        path, environment = "", b""
        with contextlib.suppress(OSError):  # a thread of the kernel has no program
            path, environment = str((entry / "exe").readlink()), (entry / "environ").read_bytes()
        status = (entry / "status").read_text(errors="replace")
        inner = re.search(r"^NSpid:\t(.*)$", status, re.MULTILINE)
        yield {
            "pid": int(entry.name),
            "parent": int(fields[1]),
            "started": round(booted + int(fields[19]) / _TICKS, 2),
            "name": head.partition("(")[2],
            "path": path.removesuffix(" (deleted)"),
            "session": None if session == 0xFFFFFFFF else session,
            "contained": bool(inner and len(inner[1].split()) > 1),
            "ours": int(entry.name) == os.getpid() or any(e.startswith(marks) for e in environment.split(b"\0")),
            "asked_at": sorted(_asked_at(entry, sockets)),
        }


def _asked_at(entry: Path, sockets: dict[str, str]) -> set[str]:
    addresses = set()
    with contextlib.suppress(OSError):
        for descriptor in (entry / "fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(descriptor.readlink())
                if match := _SOCKET.fullmatch(target):
                    addresses |= {sockets[match[1]]} if match[1] in sockets else set()
                elif target.startswith("/") and descriptor.stat().st_mode & 0o170000 == _FIFO:
                    addresses.add(target)
    return addresses


def _listening() -> dict[str, str]:
    """The address of each listening socket of this network namespace, by its inode."""
    listening: dict[str, str] = {}
    for name in ("tcp", "tcp6"):
        for line in _table(name):
            if line[3] == _LISTENING:
                listening[line[9]] = f"tcp:{int(line[1].rpartition(':')[2], 16)}"
    for line in _table("unix"):
        if len(line) > 7 and int(line[3], 16) & _ACCEPTING:
            listening[line[6]] = line[7]
    return listening


def _table(name: str) -> list[list[str]]:
    try:
        lines = Path("/proc/net", name).read_text(errors="replace").splitlines()[1:]
    except OSError:
        return []
    return [line.split(maxsplit=7) if name == "unix" else line.split() for line in lines]
