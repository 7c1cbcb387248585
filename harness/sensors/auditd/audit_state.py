"""The state of the kernel's audit as a whole: rules in their order, and settings. Compared, and put back."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import LivefireError
from harness.host.kinds import What, Whose, finds, undoes
from harness.sensors.auditd.audit_kernel import SETTINGS, AuditKernel
from harness.sensors.auditd.audit_rules import describe, filter_of, key_of

OWN_KEY = "livefire-run-"  # and the id of the capture


@dataclass(frozen=True)
class AuditState:
    """Rules as the kernel gives them, and the settings of SETTINGS."""

    rules: tuple[bytes, ...]
    settings: tuple[tuple[str, int], ...]

    @classmethod
    def read(cls, kernel: AuditKernel) -> AuditState:
        """As it is now."""
        status = kernel.status()
        settings = tuple((name, status[name]) for name in SETTINGS if name in status)
        return cls(tuple(kernel.rules()), settings)

    def without_livefire(self) -> AuditState:
        """Without the rules of captures: there is one at a time, so others' are of one that was killed."""
        return AuditState(tuple(r for r in self.rules if not key_of(r).startswith(OWN_KEY)), self.settings)

    def differences(self, now: AuditState) -> list[str]:
        """What is otherwise by now, one sentence each."""
        found = [f"a rule was put in: {describe(rule)}" for rule in now.rules if rule not in self.rules]
        found += [f"a rule was taken away: {describe(rule)}" for rule in self.rules if rule not in now.rules]
        if not found and now.rules != self.rules:
            found = ["the order of the rules was changed"]
        then = dict(self.settings)
        return found + [f"'{k}' was changed from {then[k]} to {v}" for k, v in now.settings if then.get(k, v) != v]

    def put_back(self, kernel: AuditKernel) -> None:
        """Make the kernel's state this one: order included, and nothing touched that is as it was.

        Raises LivefireError where the kernel refuses, once all has been tried.
        """
        now, problems = AuditState.read(kernel), []
        for number in sorted({filter_of(rule) for rule in (*self.rules, *now.rules)}):
            there, wanted = ([r for r in state.rules if filter_of(r) == number] for state in (now, self))
            try:
                for added, rule in plan(there, wanted):
                    (kernel.add if added else kernel.delete)(rule)
            except LivefireError as error:
                problems.append(error.message)
        then = dict(now.settings)
        try:
            kernel.set({name: value for name, value in self.settings if then.get(name) != value})
        except LivefireError as error:
            problems.append(error.message)
        if problems:
            raise LivefireError("; ".join(dict.fromkeys(problems)))

    def to_ledger(self) -> dict[str, object]:
        """As JSON can hold it. Another boot has another audit, so the boot is named."""
        rules = [base64.b64encode(rule).decode() for rule in self.rules]
        return {"settings": dict(self.settings), "rules": rules, "boot": boot_id()}


def plan(there: Sequence[bytes], wanted: Sequence[bytes]) -> list[tuple[bool, bytes]]:
    """How the rules of one filter become those that are wanted: (whether it is added at the end, rule), in order.

    A rule that is in its place is not touched.
    """
    taken = [rule for rule in there if rule not in wanted]
    left = [rule for rule in there if rule in wanted]
    kept = 0
    while kept < len(left) and left[kept] == wanted[kept]:
        kept += 1
    return [(False, rule) for rule in taken + left[kept:]] + [(True, rule) for rule in wanted[kept:]]


def boot_id() -> str:
    """What the kernel calls this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@undoes("audit")
def restore(whose: Whose, settings: dict[str, int], rules: list[str], boot: str) -> None:
    """The undoing of a capture's changes. After another boot there is nothing to undo."""
    if boot != boot_id():
        return
    try:
        raw = tuple(base64.b64decode(rule, validate=True) for rule in rules)
        known = tuple((name, int(value)) for name, value in settings.items() if name in SETTINGS)
    except (binascii.Error, ValueError, TypeError, AttributeError):
        raise LivefireError("the audit rules that were there cannot be read from the ledger") from None
    with AuditKernel() as kernel:
        _forget_the_dead(kernel)
        AuditState(raw, known).put_back(kernel)


@finds("audit_rules")
def _own_rules(whose: Whose) -> list[What]:
    if os.geteuid() != 0 or not f"livefire-{whose.id}".startswith(OWN_KEY):
        return []
    with AuditKernel() as kernel:
        return [{}] if any(key_of(rule) == f"livefire-{whose.id}" for rule in kernel.rules()) else []


@undoes("audit_rules")
def _take_own_rules_away(whose: Whose) -> None:
    """Where what was there before is not known: the run's own rules go, and all else stays."""
    with AuditKernel() as kernel:
        _forget_the_dead(kernel)
        for rule in kernel.rules():
            if key_of(rule) == f"livefire-{whose.id}":
                kernel.delete(rule)


def _forget_the_dead(kernel: AuditKernel) -> None:
    """The daemon of a capture is killed, and the kernel finds out only when it next has something to send."""
    pid = kernel.status()["pid"]
    if pid and not audit_daemon(pid):
        kernel.forget_daemon()


def audit_daemon(pid: int) -> str:
    """The name of the process that is registered as audit daemon; empty where it lives no more.

    The kernel keeps the pid of one that was killed, and by then it may be another process's: so an `auditd` is one,
    and of anything else the kernel must say that it lives (see AuditKernel.forget_daemon).
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return "" if state in "ZXx" else Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, IndexError):
        return ""
