"""Which verdicts differ between results of the same atomics: flakes, if nothing was changed between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.result import Result
from harness.model.verdict import Verdict


@dataclass(frozen=True)
class Flake:
    """One atomic under one rule with several verdicts; `recordings` has the recordings of each verdict."""

    rule: str
    atomic: str
    recordings: dict[Verdict, list[str]]


def flakes(results: Sequence[Result]) -> list[Flake]:
    """Each atomic, variants among them, whose verdict is not the same in every result that has it."""
    verdicts: dict[tuple[str, str], dict[Verdict, list[str]]] = {}
    for result in results:
        for case in result.results:
            verdicts.setdefault((case.rule, case.atomic), {}).setdefault(case.verdict, []).append(result.recording)
    return [Flake(rule, atomic, by) for (rule, atomic), by in verdicts.items() if len(by) > 1]
