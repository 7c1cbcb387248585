"""What a claim and a sabotage are, and what is said of a verdict that came out of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.soundness.draft import BACKGROUND, UNPROVEN, Base, Draft, Outcome, judged

CLI, HARDENED = "container-cli-api", "container-api-hardened"


@dataclass(frozen=True)
class Sabotage:
    """One change of a recording, of a rule or of what is expected, and what may come out for `atomic` under `rule`.

    `right` are the verdicts that blame the right layer, or REFUSED, NOT_JUDGED, BACKGROUND, UNPROVEN; `named` are words
    of which one must stand in the reason. `spared` are other atomics, whose verdict must stay what it was, but where a
    rule is to be UNPROVEN, which rests on all of them.
    """

    name: str
    base: Base
    rule: str
    atomic: str
    change: Callable[[Draft], None]
    right: frozenset[str]
    named: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} ({self.atomic.rpartition('/')[2]}, {self.rule})"


@dataclass(frozen=True)
class Claim:
    """What a verdict claims. `sabotages` are made when they are wanted; `elsewhere` are tests that show it on a lab."""

    name: str
    sabotages: Callable[[], list[Sabotage]] = list
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What came out wrong: a `PROVEN` (or a known gap, as good) that rested on nothing, or another layer's blame."""

    sabotage: Sabotage
    verdict: str
    reason: str

    @property
    def false_proven(self) -> bool:
        """Whether it is told as expected."""
        return self.verdict in ("PROVEN", "KNOWN_GAP")

    def __str__(self) -> str:
        return f"{self.sabotage}: {self.verdict}, not {' or '.join(sorted(self.sabotage.right))}: {self.reason}"


def attempt(sabotage: Sabotage) -> Finding | None:
    """Sabotage and judge. None where the right thing came out."""
    draft = sabotage.base.draft(sabotage.rule, [sabotage.atomic, *sabotage.spared])
    sabotage.change(draft)
    untouched = sabotage.base.draft(sabotage.rule, [sabotage.atomic, *sabotage.spared])
    if draft == untouched:
        raise AssertionError(f"{sabotage} changes nothing")
    outcome = judged(draft)
    verdict, reason = outcome.of(sabotage.atomic)
    if BACKGROUND in sabotage.right and not outcome.refused:
        silent = not outcome.background or (outcome.result is not None and outcome.result.exit_code == 0)
        return Finding(sabotage, "PROVEN", "the background is silent") if silent else _spared(sabotage, outcome)
    if UNPROVEN in sabotage.right and not outcome.refused:
        told = outcome.result is not None and outcome.result.exit_code and not outcome.result.proofs[0].proven
        return None if told else Finding(sabotage, "PROVEN", "the rule counts as proven")
    if verdict not in sabotage.right:
        return Finding(sabotage, verdict, reason)
    if sabotage.named and not any(word in reason for word in sabotage.named):
        return Finding(sabotage, f"{verdict} for another reason", reason)
    return _spared(sabotage, outcome)


def _spared(sabotage: Sabotage, outcome: Outcome) -> Finding | None:
    for atomic in sabotage.spared:
        verdict, reason = outcome.of(atomic)
        if verdict not in ("PROVEN", "KNOWN_GAP"):
            return Finding(sabotage, f"{verdict} of {atomic}", reason)
    return None
