"""The process that holds a lock: its pid, its age and its command line."""

from __future__ import annotations

import os
import time
from pathlib import Path

_LONGEST = 60


def describe(pid: int) -> str:
    """Such as `pid 4711, running for 2 min: livefire run T1059.013`; the pid alone where /proc does not show more."""
    if pid <= 0:
        return "a process of another pid namespace"
    process = Path("/proc") / str(pid)
    try:
        words = process.joinpath("cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        seconds = _running(process.joinpath("stat").read_text())
    except (OSError, ValueError, IndexError):
        return f"pid {pid}"
    command = _command([word.decode(errors="replace") for word in words])
    return f"pid {pid}, running for {_duration(seconds)}" + (f": {command}" if command else "")


def ticks(pid: int) -> int:
    """When a process began: field 22 of /proc/PID/stat, in clock ticks since boot (proc(5)); 0 where that is not known.

    A pid is used again by later processes. A pid with this number is not.
    """
    try:
        return _ticks((Path("/proc") / str(pid) / "stat").read_text())
    except (OSError, ValueError, IndexError):
        return 0


def is_alive(pid: int, began: int) -> bool:
    """Whether the process `pid` that began at `began` (`ticks`) still runs and is no zombie."""
    try:
        stat = (Path("/proc") / str(pid) / "stat").read_text()
        return _ticks(stat) == began and stat.rpartition(")")[2].split()[0] not in "ZXx"
    except (OSError, ValueError, IndexError):
        return False


def _ticks(stat: str) -> int:
    return int(stat.rpartition(")")[2].split()[19])


def _running(stat: str) -> float:
    """Seconds since its start."""
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - _ticks(stat) / os.sysconf("SC_CLK_TCK"))


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _command(words: list[str]) -> str:
    """The command line without the interpreter and the folder of the program, and no longer than a line."""
    if len(words) > 1 and Path(words[0]).name.startswith("python"):
        words = ["livefire", *words[3:]] if words[1:3] == ["-m", "harness.cli.main"] else words[1:]
    text = " ".join([Path(words[0]).name, *words[1:]])
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
