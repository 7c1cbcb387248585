"""A night of the history, made from the results of that night."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median

from harness.model.atomic_result import AtomicResult
from harness.model.history import Key, Night
from harness.model.result import Result, counted
from harness.model.verdict import Verdict


def night_of(results: Sequence[Result], finished: datetime | None = None) -> Night:
    """The results of one night. `finished` is when the night ended, where its recordings were proven later.

    Results of copies are left out.
    """
    results = counted(results)
    every = [case for result in results for case in result.results]
    timed = [case for case in every if case.variant is None]
    background: dict[str, int] = {}
    for result in results:
        for rule, alerts in result.background.alerts.items():
            background[rule] = background.get(rule, 0) + len(alerts)
    return Night(
        finished=finished or max((result.finished for result in results), key=datetime.timestamp),
        verdicts=_verdicts(every),
        variants=frozenset(case.atomic for case in every if case.variant),
        background=background,
        telemetry=_median(case.latency.telemetry for case in timed),
        alert=_median(case.latency.alert for case in timed),
    )


def _verdicts(results: Iterable[AtomicResult]) -> dict[Key, Verdict]:
    """The verdict of each atomic; where several recordings have it, the first of its worst verdicts."""
    verdicts: dict[Key, Verdict] = {}
    for case in results:
        key = (case.rule, case.atomic)
        if key not in verdicts or _badness(case.verdict) > _badness(verdicts[key]):
            verdicts[key] = case.verdict
    return verdicts


def _badness(verdict: Verdict) -> int:
    """A rank of verdicts: a wrong one is worse than an inconclusive or a skipped one."""
    if verdict.as_expected:
        return 0
    return {Verdict.SKIPPED: 1, Verdict.INCONCLUSIVE: 2}.get(verdict, 3)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
