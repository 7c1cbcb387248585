"""A thread that reads the kernel's audit state all the time, so it sees changes that are undone before a mark, too."""

from __future__ import annotations

import struct
import threading
import time
from pathlib import Path

from harness.errors import LivefireError
from harness.sensors.auditd.audit_kernel import AuditKernel
from harness.sensors.auditd.audit_rules import describe, swallowing
from harness.sensors.auditd.audit_state import AuditState, audit_daemon

_INTERVAL = 0.01  # one look takes a tenth of a millisecond
_LONGEST = 5.0  # seconds between two looks; in a longer gap anything may have been changed


class AuditWatch:
    """Compares the kernel's audit with `expected`, a hundred times a second.

    Any process with the right can set the kernel's count of lost records to zero, so it is summed up here.
    """

    def __init__(self, expected: AuditState, ours: list[bytes], pid: int) -> None:
        self.lost = 0
        self.pid = pid
        self._expected = expected
        self._standing = [
            f"a rule that can keep records from us stands before ours: {describe(rule)}"
            for rule in swallowing(expected.rules, ours)
        ]
        self._kernel = AuditKernel()
        self._last = self._kernel.status()["lost"]
        self._seen_at = time.monotonic()
        self._noted: dict[str, None] = {}  # in their order
        self._reported = 0
        self._died = ""
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit watch", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._kernel.close()

    def take(self) -> list[str]:
        """Look once more; returns the problems since the last call, and those that last."""
        with self._lock:
            return self._take()

    def take_and_put_back(self) -> list[str]:
        """As `take`, and put back what was changed; what can't be put back is a problem, too.

        In one step: a look between the two would note the change again, for the next atomic.
        """
        with self._lock:
            refused = self._put_back()
            return self._take() + ([f"what was changed cannot be put back: {refused}"] if refused else [])

    def _take(self) -> list[str]:
        self._try_to_look()
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set():
            self._note(f"the watch on the kernel's audit has ended{self._died}")
        noted, self._noted = list(self._noted), {}
        if self.lost > self._reported:
            noted.append(f"the kernel lost {self.lost - self._reported} audit records")
        self._reported = self.lost
        return [*noted, *self._standing]

    def _put_back(self) -> str:
        """Put back what was changed, and note it: the change may be newer than the last look. Returns why it failed."""
        try:
            differences = self._expected.differences(AuditState.read(self._kernel))
            for text in differences:
                self._note(text)
            if differences:
                self._expected.put_back(self._kernel)
        except LivefireError as error:
            return error.message
        except (ValueError, struct.error) as error:  # an answer of unknown form
            return str(error)
        return ""

    def _run(self) -> None:
        try:
            while not self._stopping.wait(_INTERVAL):
                with self._lock:
                    self._look()
        except BaseException as error:  # `take` reports any error
            self._died = f": {type(error).__name__}: {error}"

    def _try_to_look(self) -> None:
        try:
            self._look()
        except Exception as error:
            self._note(f"the kernel's audit could not be read: {type(error).__name__}: {error}")

    def _look(self) -> None:
        try:
            status = self._kernel.status()
            differences = self._expected.differences(AuditState.read(self._kernel))
        except LivefireError as error:
            self._note(error.message)
            return
        for text in differences:
            self._note(text)
        if status["lost"] < self._last:
            self._note("the count of lost records was set back")
            self._last = 0
        self.lost += status["lost"] - self._last
        self._last = status["lost"]
        self._look_at_daemon(status["pid"])
        since, self._seen_at = time.monotonic() - self._seen_at, time.monotonic()
        if since > _LONGEST:
            self._note(f"the kernel's audit could not be read for {since:.0f} s")

    def _look_at_daemon(self, pid: int) -> None:
        if not pid or not audit_daemon(pid):
            self._note("no audit daemon is registered with the kernel")
        elif pid != self.pid:
            self._note(f"the audit daemon changed from pid {self.pid} to {pid}")
        elif _is_stopped(pid):
            self._note("the audit daemon was stopped")

    def _note(self, text: str) -> None:
        self._noted[text] = None


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    except (OSError, IndexError):
        return False
