"""Ending a run in each way, after so many milliseconds, and looking at what is left.

    python -m tests.lab.interrupting [--tries 150] [--from 0.4] [--step 0.02] [WAY…]

counts leaks, hangs and wrong ends over the start of a lab; each way in turn.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.conftest import PROJECT, Livefire, footprint

WAYS = ("SIGINT", "SIGTERM", "SIGHUP", "terminal", "ten times SIGINT")
_BESIDE = 3.0
LONGEST = 10.0  # seconds from the signal to the end
RUN = ("run", "T1059.013/docker-create-privileged", "--cluster", "control-plane")


@dataclass(frozen=True)
class Ended:
    """How a run that was interrupted has ended. `seconds` from the signal to the end; `left` is what was not before."""

    way: str
    after: float
    code: int | None
    seconds: float
    said: str
    left: dict[str, Any] = field(default_factory=dict)

    def faults(self) -> list[str]:
        """What is wrong with it; a run that had ended before the signal came may have any result."""
        found = [f"left behind {self.left}"] if self.left else []
        if self.code is None:
            return [*found, f"had not ended after {LONGEST:g} s"]
        if self.code not in (0, 130):
            found.append(f"exit {self.code}")
        if "Traceback" in self.said or "Exception ignored" in self.said:
            found.append("a traceback")
        return found

    def __str__(self) -> str:
        return f"{self.way} after {self.after:.3f} s: {'; '.join(self.faults()) or 'well'} ({self.seconds:.1f} s)"


def interrupt(
    livefire: Livefire, way: str, after: float, arguments: tuple[str, ...], scratch: Path, root: Path = PROJECT
) -> Ended:
    """Start it in a session of its own, end it, and compare the machine with what it was before."""
    before = machine(livefire, scratch)
    recording = scratch.parent / f"r-{time.monotonic_ns()}"
    where = ("--recording", recording) if arguments[0] == "run" else ()
    words = livefire.command(*arguments, *where)
    process, output = _start(words, livefire.environment | {"TMPDIR": str(scratch)}, root)
    time.sleep(after)
    sent = time.monotonic()
    if way == "terminal":
        output.close()
    for _ in range(10 if way.startswith("ten") else 1):
        with contextlib.suppress(ProcessLookupError):
            if way != "terminal":
                os.kill(process.pid, signal.Signals[way.rpartition(" ")[2]])
        time.sleep(0.05 if way.startswith("ten") else 0)
    code: int | None = None
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = process.wait(LONGEST + sent - time.monotonic())
    seconds = time.monotonic() - sent
    if code is None:
        process.kill()
        process.wait()
    output.close()
    left = _left(before, livefire, scratch)
    return Ended(way, after, code, seconds, output.said(), left)


def _left(before: dict[str, Any], livefire: Livefire, scratch: Path) -> dict[str, Any]:
    """What is there and was not, for some seconds: other tests that run beside these make things, too."""
    deadline = time.monotonic() + _BESIDE
    while True:
        now = machine(livefire, scratch)
        left = {name: more for name in now if now[name] != before[name] and (more := _more(before[name], now[name]))}
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.2)


def machine(livefire: Livefire, scratch: Path) -> dict[str, Any]:
    """The footprint, whatever bears an owner, and the folders in which nothing may be left."""
    owned = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if re.search(rb"\0LIVEFIRE_OWNER=(lab|run)-", b"\0" + (process / "environ").read_bytes()):
                    owned.append(f"{process.name} {(process / 'cmdline').read_bytes()[:60]!r}")
    places = {"temporary": scratch, "state": livefire.state, "tmp": Path("/tmp/livefire-nothing")}
    files = {name: sorted(str(p) for p in place.rglob("*")) for name, place in places.items()}
    return footprint() | {"owned": sorted(owned)} | files


def _more(before: Any, now: Any) -> Any:
    if isinstance(before, list) and isinstance(now, list):
        return [each for each in now if each not in before]
    if isinstance(before, dict) and isinstance(now, dict):
        return {name: value for name, value in now.items() if before.get(name) != value}
    return now


class _Terminal:
    """A pseudo-terminal; what is printed on it is read all the time, or the printing would stop."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self._said = b""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def follow(self) -> None:
        """From now on only the process holds the other end."""
        os.close(self.slave)
        os.set_blocking(self.master, False)
        self._thread.start()

    def _read(self) -> None:
        while True:
            with self._lock:
                if self.master < 0:
                    return
                try:
                    read = os.read(self.master, 65536)
                except BlockingIOError:
                    read = b""
                except OSError:
                    return
                self._said += read
            time.sleep(0.02)

    def close(self) -> None:
        """As when the window is closed. A second time it does nothing."""
        time.sleep(0.05)
        with self._lock:
            if self.master >= 0:
                os.close(self.master)
            self.master = -1

    def said(self) -> str:
        return self._said.decode(errors="replace")


def _start(words: list[str], environment: dict[str, str], root: Path) -> tuple[subprocess.Popen[bytes], _Terminal]:
    terminal = _Terminal()

    def own_session() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)

    end = terminal.slave
    process = subprocess.Popen(
        words, cwd=root, env=environment, preexec_fn=own_session, stdin=end, stdout=end, stderr=end
    )
    terminal.follow()
    return process, terminal


def tries(count: int, first: float, step: float, ways: Sequence[str] = WAYS, root: Path = PROJECT) -> Iterator[Ended]:
    """So many runs, each ended a step (seconds) later than the one before, in each way in turn."""
    for number in range(count):
        with tempfile.TemporaryDirectory(prefix="lf-") as folder:
            livefire, scratch = Livefire(Path(folder) / "s"), Path(folder) / "t"
            scratch.mkdir()
            yield interrupt(livefire, ways[number % len(ways)], first + number * step, RUN, scratch, root)
            livefire("clean")


def main() -> None:
    """Count over many tries; exit 1 if any was faulty."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tries", type=int, default=150)
    parser.add_argument("--from", type=float, default=0.4, dest="first")
    parser.add_argument("--step", type=float, default=0.02)
    parser.add_argument("--root", type=Path, default=PROJECT)
    parser.add_argument("ways", nargs="*", default=WAYS)
    given = parser.parse_args()
    faulty = []
    for ended in tries(given.tries, given.first, given.step, given.ways, given.root):
        sys.stdout.write(f"{ended}\n" + (f"{ended.said}\n" if ended.faults() else ""))
        sys.stdout.flush()
        faulty += [ended] if ended.faults() else []
    leaks, hangs = sum(bool(e.left) for e in faulty), sum(e.code is None for e in faulty)
    sys.stdout.write(f"{given.tries} tries: {len(faulty)} faulty, {leaks} leaks, {hangs} hangs\n")
    sys.exit(bool(faulty))


if __name__ == "__main__":
    main()
