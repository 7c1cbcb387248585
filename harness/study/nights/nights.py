"""Results of many nights side by side: what became of each atomic, of the background, and how fast it was seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from harness.model.atomic_result import AtomicResult
from harness.model.result import Result, counted
from harness.model.verdict import Verdict

Key = tuple[str, str]


@dataclass(frozen=True)
class Night:
    """What is kept of one night. `verdicts` are by rule and atomic, `background` counts alerts by rule.

    `variants` are the atomics that are variants of another. `telemetry` and `alert` are the median over the other
    atomics, in seconds; None where nothing was timed: alerts are in a live run alone.
    """

    finished: datetime
    verdicts: dict[Key, Verdict]
    variants: frozenset[str]
    background: dict[str, int]
    telemetry: float | None
    alert: float | None

    @classmethod
    def of(cls, results: Sequence[Result], finished: datetime | None = None) -> Night:
        """One night's results. Proving a recording finishes later than its night did: then `finished` says when.

        Of those of several recordings a copy shows nothing of its own.
        """
        results = counted(results)
        every = [each for result in results for each in result.results]
        timed = [each for each in every if each.variant is None]
        background: dict[str, int] = {}
        for result in results:
            for rule, alerts in result.background.alerts.items():
                background[rule] = background.get(rule, 0) + len(alerts)
        return cls(
            finished=finished or max((result.finished for result in results), key=datetime.timestamp),
            verdicts=_verdicts(every),
            variants=frozenset(each.atomic for each in every if each.variant),
            background=background,
            telemetry=_median(each.latency.telemetry for each in timed),
            alert=_median(each.latency.alert for each in timed),
        )


@dataclass(frozen=True)
class History:
    """Nights, the oldest first."""

    nights: tuple[Night, ...]

    @classmethod
    def of(cls, nights: Iterable[Night]) -> History:
        """Put nights into their order."""
        return cls(tuple(sorted(nights, key=lambda night: night.finished.timestamp())))

    def last(self, count: int) -> History:
        """The newest of them."""
        return History(self.nights[-count:] if count > 0 else ())

    @property
    def rules(self) -> list[str]:
        """All rules, in alphabetical order."""
        return sorted({rule for night in self.nights for rule, _ in night.verdicts})

    def atomics(self, rule: str) -> list[str]:
        """The atomics under a rule: in the order of the newest night, then those that only earlier ones had."""
        found = {atomic: None for night in reversed(self.nights) for of, atomic in night.verdicts if of == rule}
        return list(found)

    def is_variant(self, atomic: str) -> bool:
        """Whether it is another way to do what an atomic does."""
        return any(atomic in night.variants for night in self.nights)

    def verdicts(self, rule: str, atomic: str) -> list[Verdict | None]:
        """One for each night; None where it was not part of it."""
        return [night.verdicts.get((rule, atomic)) for night in self.nights]

    def changed(self, rule: str, atomic: str) -> bool:
        """Whether two nights that had it disagree."""
        return len({verdict for verdict in self.verdicts(rule, atomic) if verdict}) > 1


def _verdicts(results: Iterable[AtomicResult]) -> dict[Key, Verdict]:
    """Of several results of one atomic, as several recordings give them, the first of the worst stands."""
    found: dict[Key, Verdict] = {}
    for each in results:
        key = (each.rule, each.atomic)
        if key not in found or _badness(each.verdict) > _badness(found[key]):
            found[key] = each.verdict
    return found


def _badness(verdict: Verdict) -> int:
    """What was judged and is wrong is worse than what says nothing."""
    if verdict.as_expected:
        return 0
    return {Verdict.SKIPPED: 1, Verdict.INCONCLUSIVE: 2}.get(verdict, 3)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
