"""The state of the kernel's audit: rules in their order, and settings. It can be compared and put back."""

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
    """Rules as the kernel gives them, and the values of SETTINGS."""

    rules: tuple[bytes, ...]
    settings: tuple[tuple[str, int], ...]

    @classmethod
    def read(cls, kernel: AuditKernel) -> AuditState:
        """The state now."""
        status = kernel.status()
        settings = tuple((name, status[name]) for name in SETTINGS if name in status)
        return cls(tuple(kernel.rules()), settings)

    def without_livefire(self) -> AuditState:
        """Without the rules of captures: only one runs at a time, so other rules are a killed one's."""
        return AuditState(tuple(r for r in self.rules if not key_of(r).startswith(OWN_KEY)), self.settings)

    def differences(self, now: AuditState) -> list[str]:
        """What differs in `now`, one sentence each."""
        texts = [f"a rule was added: {describe(rule)}" for rule in now.rules if rule not in self.rules]
        texts += [f"a rule was removed: {describe(rule)}" for rule in self.rules if rule not in now.rules]
        if not texts and now.rules != self.rules:
            texts = ["the order of the rules was changed"]
        then = dict(self.settings)
        return texts + [f"'{k}' was changed from {then[k]} to {v}" for k, v in now.settings if then.get(k, v) != v]

    def put_back(self, kernel: AuditKernel) -> None:
        """Give the kernel this state, with the order of rules. What is already right is not touched.

        Raises LivefireError where the kernel refuses something, after all was tried.
        """
        now, problems = AuditState.read(kernel), []
        for number in sorted({filter_of(rule) for rule in (*self.rules, *now.rules)}):
            there, goal = ([r for r in state.rules if filter_of(r) == number] for state in (now, self))
            try:
                for added, rule in plan(there, goal):
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
        """The state as JSON values. Another boot has another audit state, so the boot is named."""
        rules = [base64.b64encode(rule).decode() for rule in self.rules]
        return {"settings": dict(self.settings), "rules": rules, "boot": boot_id()}


def plan(there: Sequence[bytes], goal: Sequence[bytes]) -> list[tuple[bool, bytes]]:
    """The steps from the rules of one filter to `goal`, in order: (True to add at the end or False to remove, rule).

    A rule that is in its place is not touched.
    """
    taken = [rule for rule in there if rule not in goal]
    left = [rule for rule in there if rule in goal]
    kept = 0
    while kept < len(left) and left[kept] == goal[kept]:
        kept += 1
    return [(False, rule) for rule in taken + left[kept:]] + [(True, rule) for rule in goal[kept:]]


def boot_id() -> str:
    """The kernel's id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@undoes("audit")
def restore(whose: Whose, settings: dict[str, int], rules: list[str], boot: str) -> None:
    """Undo a capture's changes. After another boot there is nothing to undo."""
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
    """Remove the run's own rules and keep all others, where the earlier state is not known."""
    with AuditKernel() as kernel:
        _forget_the_dead(kernel)
        for rule in kernel.rules():
            if key_of(rule) == f"livefire-{whose.id}":
                kernel.delete(rule)


def _forget_the_dead(kernel: AuditKernel) -> None:
    """Make the kernel notice a killed daemon. By itself it does so only when it next sends a record."""
    pid = kernel.status()["pid"]
    if pid and not audit_daemon(pid):
        kernel.forget_daemon()


def audit_daemon(pid: int) -> str:
    """The name of the process that is registered as audit daemon; empty where it is dead.

    The kernel keeps the pid of a killed daemon, which may be another process's by now. So only one called `auditd`
    counts without more; for another name, ask the kernel whether the daemon lives (AuditKernel.forget_daemon).
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return "" if state in "ZXx" else Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, IndexError):
        return ""
