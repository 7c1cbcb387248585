"""Which verdicts differ between results of the same atomics: flakes, where nothing was changed between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.result import Result
from harness.model.verdict import Verdict


@dataclass(frozen=True)
class Flake:
    """One atomic under one rule with several verdicts; `recordings` has those that each was given for."""

    rule: str
    atomic: str
    recordings: dict[Verdict, list[str]]


def flakes(results: Sequence[Result]) -> list[Flake]:
    """Each atomic, variants among them, whose verdict is not the same in every result that has it."""
    found: dict[tuple[str, str], dict[Verdict, list[str]]] = {}
    for result in results:
        for each in result.results:
            found.setdefault((each.rule, each.atomic), {}).setdefault(each.verdict, []).append(result.recording)
    return [Flake(rule, atomic, by) for (rule, atomic), by in found.items() if len(by) > 1]
