"""Many nights side by side: the verdict of each atomic, the alerts of the background, and the latency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from harness.model.verdict import Verdict

Key = tuple[str, str]


@dataclass(frozen=True)
class Night:
    """What is kept of one night. `verdicts` are by rule and atomic, `background` counts alerts by rule.

    `variants` are the atomics that are variants of another. `telemetry` and `alert` are medians over the other
    atomics, in seconds; None where nothing was timed. Only a live run times alerts.
    """

    finished: datetime
    verdicts: dict[Key, Verdict]
    variants: frozenset[str]
    background: dict[str, int]
    telemetry: float | None
    alert: float | None


@dataclass(frozen=True)
class History:
    """Nights, the oldest first."""

    nights: tuple[Night, ...]

    @classmethod
    def of(cls, nights: Iterable[Night]) -> History:
        """Put nights into their order."""
        return cls(tuple(sorted(nights, key=lambda night: night.finished.timestamp())))

    def last(self, count: int) -> History:
        """The newest `count` nights."""
        return History(self.nights[-count:] if count > 0 else ())

    @property
    def rules(self) -> list[str]:
        """All rules, in alphabetical order."""
        return sorted({rule for night in self.nights for rule, _ in night.verdicts})

    def atomics(self, rule: str) -> list[str]:
        """The atomics under a rule: in the order of the newest night, then those of earlier nights only."""
        names = {atomic: None for night in reversed(self.nights) for of, atomic in night.verdicts if of == rule}
        return list(names)

    def is_variant(self, atomic: str) -> bool:
        """Whether an atomic is a variant of another."""
        return any(atomic in night.variants for night in self.nights)

    def verdicts(self, rule: str, atomic: str) -> list[Verdict | None]:
        """The verdict of each night; None where the atomic was not part of it."""
        return [night.verdicts.get((rule, atomic)) for night in self.nights]

    def changed(self, rule: str, atomic: str) -> bool:
        """Whether two nights that had the atomic disagree."""
        return len({verdict for verdict in self.verdicts(rule, atomic) if verdict}) > 1
