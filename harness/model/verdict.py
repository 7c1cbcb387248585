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
