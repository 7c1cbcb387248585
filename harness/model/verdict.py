"""Verdicts and exit codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """The judged outcome of one atomic under one rule, in the order in which they are checked."""

    NOT_EXECUTED = "NOT_EXECUTED"
    INCONCLUSIVE = "INCONCLUSIVE"
    NO_TELEMETRY = "NO_TELEMETRY"
    RULE_SILENT = "RULE_SILENT"
    WRONG_FLAGS = "WRONG_FLAGS"
    UNEXPECTED_ALERT = "UNEXPECTED_ALERT"
    KNOWN_GAP = "KNOWN_GAP"
    PROVEN = "PROVEN"
    SKIPPED = "SKIPPED"

    @property
    def as_expected(self) -> bool:
        """Whether the expectation holds."""
        return self in (Verdict.PROVEN, Verdict.KNOWN_GAP)

    @property
    def unmet(self) -> bool:
        """Whether it was judged, and the expectation does not hold."""
        return not self.as_expected and self is not Verdict.SKIPPED


# What is said of each verdict stands here, so that a new one is forgotten nowhere: tests want each of these complete.
MEANINGS = {
    Verdict.NOT_EXECUTED: "the attack's effect was not observed",
    Verdict.INCONCLUSIVE: "a sensor was not healthy around the attack, or its rows can't be attributed: no verdict",
    Verdict.NO_TELEMETRY: "the attack ran, and a required signal is missing",
    Verdict.RULE_SILENT: "the signals are there, and the rule did not fire; the closest row is shown",
    Verdict.WRONG_FLAGS: "the rule fired as expected, and a flag or the number of rows is wrong",
    Verdict.UNEXPECTED_ALERT: "the rule fired on a benign run or in the background, or a known gap closed or changed",
    Verdict.KNOWN_GAP: "the rule misses the attack or is noisy, as the expectation says, with the reason",
    Verdict.PROVEN: "the attack was executed and seen, and the rule did exactly what is expected",
    Verdict.SKIPPED: "a prerequisite is missing; never a pass",
}
LETTERS = {
    Verdict.PROVEN: "P",
    Verdict.KNOWN_GAP: "K",
    Verdict.RULE_SILENT: "R",
    Verdict.WRONG_FLAGS: "W",
    Verdict.UNEXPECTED_ALERT: "U",
    Verdict.NO_TELEMETRY: "T",
    Verdict.NOT_EXECUTED: "N",
    Verdict.INCONCLUSIVE: "I",
    Verdict.SKIPPED: "S",
}
# The layer that failed, in the order of the layers; empty where none did.
LAYERS = {
    Verdict.NOT_EXECUTED: "executed",
    Verdict.INCONCLUSIVE: "healthy",
    Verdict.NO_TELEMETRY: "seen",
    Verdict.RULE_SILENT: "fired",
    Verdict.UNEXPECTED_ALERT: "fired",
    Verdict.WRONG_FLAGS: "flags",
    Verdict.KNOWN_GAP: "",
    Verdict.PROVEN: "",
    Verdict.SKIPPED: "",
}
# What is not as expected: what concerns the rule first.
GRAVITY = (
    Verdict.RULE_SILENT,
    Verdict.WRONG_FLAGS,
    Verdict.UNEXPECTED_ALERT,
    Verdict.NO_TELEMETRY,
    Verdict.NOT_EXECUTED,
    Verdict.INCONCLUSIVE,
)


class ExitCode(IntEnum):
    """What the command line returns."""

    AS_EXPECTED = 0
    UNMET = 1
    INVALID = 2
    LAB_UNAVAILABLE = 3
    INCONCLUSIVE = 4
    NOTHING_SELECTED = 5


class Proof(Protocol):
    """Whether a rule is proven; if not, whether an inconclusive or skipped case may still prove it."""

    @property
    def proven(self) -> bool: ...

    @property
    def undecided(self) -> bool: ...


def exit_code(verdicts: Iterable[Verdict], background_alerts: int, proofs: Sequence[Proof] = ()) -> ExitCode:
    """The exit code of a set of verdicts: an unmet expectation outweighs an inconclusive one.

    A skipped atomic never counts as a pass: where nothing was judged, nothing was proven. A rule that is not proven is
    unmet, whatever its verdicts.
    """
    judged = [verdict for verdict in verdicts if verdict is not Verdict.SKIPPED]
    unmet = [v for v in judged if not v.as_expected and v is not Verdict.INCONCLUSIVE]
    if not judged and not background_alerts:
        return ExitCode.LAB_UNAVAILABLE
    unproven = [proof for proof in proofs if not proof.proven]
    if unmet or background_alerts or any(not proof.undecided for proof in unproven):
        return ExitCode.UNMET
    return ExitCode.INCONCLUSIVE if unproven or Verdict.INCONCLUSIVE in judged else ExitCode.AS_EXPECTED
