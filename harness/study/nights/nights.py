"""A night of the history: what is kept of the results of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median

from harness.model.atomic_result import AtomicResult
from harness.model.history import Key, Night
from harness.model.result import Result, counted
from harness.model.verdict import Verdict


def night_of(results: Sequence[Result], finished: datetime | None = None) -> Night:
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
    return Night(
        finished=finished or max((result.finished for result in results), key=datetime.timestamp),
        verdicts=_verdicts(every),
        variants=frozenset(each.atomic for each in every if each.variant),
        background=background,
        telemetry=_median(each.latency.telemetry for each in timed),
        alert=_median(each.latency.alert for each in timed),
    )


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
