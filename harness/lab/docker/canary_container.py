"""A small container that executes a program on demand, as a canary: a filter that hides containers hides it, too.

Its processes are like those of Docker's containers: containerd's shim and runc start them, in no audit session and
with no audit uid. It is in the lab's own namespace of containerd, so Docker's clients and atomics do not see it, and it
works without the Docker daemon.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from pathlib import Path

from harness.errors import LabUnavailable
from harness.host.halt import Halted
from harness.host.kinds import Foreign, Whose, undoes
from harness.host.ledger import LedgerClosed
from harness.host.owned_folders import OwnedFolder
from harness.host.process import base_environment, find_tool, run
from harness.host.waiting import NotYet, wait_until
from harness.lab.docker.docker_host import DockerHost
from harness.lab.docker.docker_undo import namespace as namespace_of

_FIFO = "tell"  # the FIFO in its root: for each line, `true LINE` is executed
_COMMAND = f'exec 3<>/{_FIFO}; while read -r token <&3; do /bin/true "$token"; done'
_LONGEST, _IMPATIENT = 5.0, 1.0  # seconds for one command of ctr


class CanaryContainer:
    """It is started with the first canary, and again where it was ended. `ids` are those of all that were started."""

    def __init__(self, owned: OwnedFolder, containerd: Path, namespace: str) -> None:
        self.ids: list[str] = []
        self._owned = owned
        self._containerd = containerd
        self._namespace = namespace
        self._root = owned.path / "canary"
        self._patience = _LONGEST

    def execute(self, token: str) -> str:
        """Execute `true TOKEN` in it; returns why that failed, empty where it is being executed."""
        try:
            if not self._ask(token):
                self._start()
                wait_until("its shell", lambda: self._deliver(token), timeout=self._patience, interval=0.005)
        except (Halted, LedgerClosed):
            raise
        except (LabUnavailable, OSError) as error:
            self._patience = _IMPATIENT  # it may fail each time: wait shorter
            return str(error).splitlines()[0]
        self._patience = _LONGEST
        return ""

    def _deliver(self, token: str) -> None:
        if not self._ask(token):
            raise NotYet("its shell does not read")

    def _ask(self, token: str) -> bool:
        """Write a token to the FIFO; returns whether its shell reads it."""
        try:
            fifo = os.open(self._root / _FIFO, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENXIO):
                return False
            raise
        try:
            os.write(fifo, f"{token}\n".encode())
        finally:
            os.close(fifo)
        return True

    def _start(self) -> None:
        self._make_root()
        identifier = secrets.token_hex(32)  # as long as one of Docker's
        where = {"containerd": str(self._containerd), "namespace": self._namespace, "id": identifier}
        self._owned.ledger.add("canary_container", **where)
        self.ids.append(identifier)
        # without pipes: ctr would make them at a fixed place
        options = ["run", "--detach", "--null-io", "--rootfs", str(self._root), identifier]
        _ctr(self._containerd, self._namespace, *options, "/bin/sh", "-c", _COMMAND, timeout=self._patience)

    def _make_root(self) -> None:
        if self._root.exists():
            return
        binaries = self._root / "bin"
        binaries.mkdir(mode=0o755, parents=True)
        shutil.copyfile(find_tool("busybox", package="busybox-static"), binaries / "busybox")
        (binaries / "busybox").chmod(0o755)
        for applet in ("sh", "true"):
            (binaries / applet).symlink_to("busybox")
        os.mkfifo(self._root / _FIFO, 0o600)


def canary_container(owned: OwnedFolder, host: DockerHost | None) -> CanaryContainer | None:
    """The container of a capture; None where there is no containerd of ours, or no `ctr`."""
    if host is None or host.containerd is None or not shutil.which("ctr", path=base_environment()["PATH"]):
        return None
    return CanaryContainer(owned, host.containerd, host.namespace)


@undoes("canary_container")
def _remove(whose: Whose, containerd: str, namespace: str, id: str) -> None:
    """End it, and remove it from containerd. Where containerd is dead, its containers are ended with the lab."""
    lab = Path(containerd).parent.parent
    beside = Whose(whose.id, whose.folder.parent).holds(containerd) and lab.parent == whose.folder.parent
    if not beside or namespace != namespace_of(lab.name) or not re.fullmatch("[0-9a-f]{64}", id):
        raise Foreign(f"it is not a container of {whose.id}")
    try:
        _ctr(Path(containerd), namespace, "version", timeout=_IMPATIENT)
    except LabUnavailable:
        return
    for command in (["tasks", "delete", "--force", id], ["containers", "delete", id]):
        done = run(_words(Path(containerd), namespace, *command), timeout=_LONGEST, check=False)
        if done.code != 0 and "not found" not in done.errors and "exit with non-zero" not in done.errors:
            raise LabUnavailable(f"ctr {' '.join(command)}: {done.errors.strip()}")


def _ctr(containerd: Path, namespace: str, *command: str, timeout: float) -> None:
    run(_words(containerd, namespace, *command), timeout=timeout)


def _words(containerd: Path, namespace: str, *command: str) -> list[str | Path]:
    return [find_tool("ctr", package="containerd"), "--address", containerd, "--namespace", namespace, *command]
