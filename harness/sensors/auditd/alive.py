"""The processes that are there when a capture begins: who they are, and where they can be asked for something.

The audit log tells whose child each later process is, and nothing of those before it. No command line is kept: it may
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
    """Write a JSON line for each process that is alive to `target`, and return how many there are.

    `ours` are the ids of this capture and of its lab: what they started is this Livefire's.

    `pid`, `parent`, `started` (seconds, epoch), `name` (comm), `path` (of its program; empty where it can't be read),
    `session` (null for none), `contained` (it has a pid namespace of its own), `ours`, `asked_at`:
    Unix sockets by path, TCP ports as `tcp:PORT`, and the FIFOs that it has open.
    """
    sockets, booted = _listening(), time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    marks = tuple(f"{OWNER}={each}/".encode() for each in ours)
    entries = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    found = [line for entry in entries for line in _line(entry, sockets, booted, marks)]
    with target.open("w", encoding="utf-8") as out:
        target.chmod(0o600)
        out.writelines(json.dumps(line) + "\n" for line in found)
    return len(found)


def _line(entry: Path, sockets: dict[str, str], booted: float, marks: tuple[bytes, ...]) -> Iterator[dict[str, Any]]:
    """Nothing for a process that ends meanwhile."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        head, _, rest = (entry / "stat").read_text(errors="replace").rpartition(")")
        fields, session = rest.split(), int((entry / "sessionid").read_text())
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
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in (entry / "fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(descriptor.readlink())
                if match := _SOCKET.fullmatch(target):
                    found |= {sockets[match[1]]} if match[1] in sockets else set()
                elif target.startswith("/") and descriptor.stat().st_mode & 0o170000 == _FIFO:
                    found.add(target)
    return found


def _listening() -> dict[str, str]:
    """Where each socket that listens can be reached, by its inode; of this network namespace."""
    found: dict[str, str] = {}
    for name in ("tcp", "tcp6"):
        for line in _table(name):
            if line[3] == _LISTENING:
                found[line[9]] = f"tcp:{int(line[1].rpartition(':')[2], 16)}"
    for line in _table("unix"):
        if len(line) > 7 and int(line[3], 16) & _ACCEPTING:
            found[line[6]] = line[7]
    return found


def _table(name: str) -> list[list[str]]:
    try:
        lines = Path("/proc/net", name).read_text(errors="replace").splitlines()[1:]
    except OSError:
        return []
    return [line.split(maxsplit=7) if name == "unix" else line.split() for line in lines]
