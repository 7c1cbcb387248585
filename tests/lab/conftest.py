"""The real lab, for tests that need root and the daemons."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
NEEDED = ["dockerd", "containerd", "runc", "auditd", "auditctl", "etcd", "kubectl", "docker", "busybox"]

# Atomics of tools that neither Debian nor PyPI has.
NOT_TO_BE_HAD = {"T1059.013/crictl-exec-into-container", "T1059.013/nerdctl-create-privileged-container"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is a lab test. In CI a missing daemon fails; elsewhere it skips, by name."""
    missing = [tool for tool in NEEDED if not shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    reason = "needs root" if os.geteuid() else f"not installed: {', '.join(missing)}" if missing else ""
    for item in items:
        if PROJECT / "tests/lab" in item.path.parents:
            item.add_marker(pytest.mark.lab)
            if reason and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason=reason))


@dataclass(frozen=True)
class Done:
    """A run of the command line."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """The result that `--json -` wrote."""
        assert self.out, f"no result, exit {self.code}: {self.err}"
        found: dict[str, Any] = json.loads(self.out)
        return found

    def verdicts(self) -> dict[str, str]:
        """The verdict of each attack; a benign run may stand beside them, as their control."""
        return {each["atomic"]: each["verdict"] for each in self.result["results"] if not each["benign"]}


class Livefire:
    """The command `livefire`, as a user would call it, with a state folder of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        # the light cluster; what is particular to kind is tested in test_kind.py
        self.environment = os.environ | {
            "LIVEFIRE_STATE": str(state),
            "LIVEFIRE_CLUSTER": "control-plane",
            "NO_COLOR": "1",
        }

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "harness.cli.main", *map(str, arguments)]

    def __call__(self, *arguments: str | Path, **environment: str) -> Done:
        done = subprocess.run(
            self.command(*arguments),
            cwd=PROJECT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        """In the background; the caller ends it. It heeds Ctrl-C, also where the tests themselves must not."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=PROJECT,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


@contextlib.contextmanager
def fresh_livefire() -> Iterator[Livefire]:
    """A Livefire whose state is thrown away; whatever a test leaves behind is undone."""
    with tempfile.TemporaryDirectory(prefix="lf-") as folder:  # short: sockets lie in it
        found = Livefire(Path(folder) / "s")
        yield found
        found("clean")


@pytest.fixture
def livefire() -> Iterator[Livefire]:
    """A Livefire of this test's own."""
    with fresh_livefire() as found:
        yield found


def footprint() -> dict[str, Any]:
    """What of the machine a run must leave as it was.

    Other tests run beside these, and what one of them makes for a moment is none of it: so it is looked at until
    nothing changes.
    """
    found, deadline = _footprint(), time.monotonic() + 10
    while time.monotonic() < deadline:
        time.sleep(0.3)
        before, found = found, _footprint()
        if found == before:
            break
    return found


def changed(before: dict[str, Any], take: Callable[[], dict[str, Any]] = footprint) -> dict[str, Any]:
    """What of the machine is otherwise than `before`, and stays so: what is new and what is gone, by kind."""
    deadline = time.monotonic() + 15
    while (now := take()) != before and time.monotonic() < deadline:
        time.sleep(0.5)
    return {name: _apart(before.get(name), now.get(name)) for name in before | now if before.get(name) != now.get(name)}


def _apart(before: Any, now: Any) -> dict[str, Any]:
    if isinstance(before, str | None) or isinstance(now, str | None):
        return {"was": before, "is": now}
    was, is_now = (set(each.items() if isinstance(each, dict) else each) for each in (before, now))
    return {"gone": sorted(was - is_now), "new": sorted(is_now - was)}


def _footprint() -> dict[str, Any]:
    audit = subprocess.run(["auditctl", "-s"], capture_output=True, text=True, check=True).stdout
    settings = [line for line in audit.splitlines() if line.split()[0] in ("enabled", "backlog_limit")]
    # the kernel keeps the pid of an auditd that was killed: it is none
    pid = next(line.split()[1] for line in audit.splitlines() if line.startswith("pid "))
    comm = Path(f"/proc/{pid}/comm")
    settings.append(f"pid {pid if comm.is_file() and comm.read_text() == 'auditd' + chr(10) else 0}")
    rules = subprocess.run(["auditctl", "-l"], capture_output=True, text=True, check=True).stdout
    return {
        "audit": settings,
        "rules": rules,
        "kubeconfig": _digest(Path.home() / ".kube/config"),
        "links": sorted(p.name for p in Path("/sys/class/net").iterdir()),
        "mounts": sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
        "cgroups": sorted(
            str(p) for name in ("livefire-*", "libpod*", "default") for p in Path("/sys/fs/cgroup").rglob(name)
        ),
        "processes": sorted(
            name for p in Path("/proc").iterdir() if p.name.isdigit() and (name := _name(p)) in _DAEMONS
        ),
        "files": sorted(
            str(path)
            for place in _PLACES
            for path in (Path(place), *Path(place).rglob("*"))
            # of the tests that run beside these: semaphores of Python's multiprocessing, memory of a browser
            if path.exists() and not path.name.startswith(("sem.mp-", ".org.chromium.", ".com.google.Chrome."))
        ),
        "sysctls": _sysctls(),
    }


_DAEMONS = (
    "dockerd containerd containerd-shim docker-registry etcd kube-apiserver kubelet kind auditd podman conmon".split()
)
# not /var/lib/livefire: tests that run beside these use it for a while, and these name a state folder of their own
_PLACES = """/run/containerd /run/docker /etc/docker /var/lib/docker /dev/shm /run/runc /run/crun
    /run/libpod /run/containers /var/lib/containers /var/lib/cni /etc/cni""".split()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _sysctls() -> dict[str, str]:
    """Every setting of the kernel that somebody sets, rather than the kernel itself."""
    found = {}
    for folder in ("fs", "kernel", "net/ipv4", "net/ipv6/conf/all", "net/ipv6/conf/default", "net/netfilter", "vm"):
        for path in _below(Path("/proc/sys") / folder):
            counts = path.name.startswith(("random", "nf_log")) or path.name in _COUNTERS or "/conf/" in str(path)
            with contextlib.suppress(OSError):
                if not counts and os.access(path, os.R_OK) and path.stat().st_mode & 0o200:
                    found[str(path)] = path.read_text(errors="replace")
    return found


def _below(folder: Path) -> Iterator[Path]:
    """The files below a folder. Links come and go while this looks, and their folders with them."""
    for place, folders, names in os.walk(folder):
        if Path(place).name in ("conf", "neigh"):
            folders[:] = [name for name in folders if name in ("all", "default")]
        yield from (Path(place, name) for name in names)


_COUNTERS = {"ns_last_pid", "drop_caches", "flush", "compact_memory", "stat_refresh", "boot_id", "uuid"}


def _name(process: Path) -> str:
    """The name of a process; empty for one that has ended and only waits for init to take note of it."""
    try:
        head, _, rest = (process / "stat").read_text().rpartition(")")
    except OSError:
        return ""
    return "" if rest.split()[0] == "Z" else head.partition("(")[2]
