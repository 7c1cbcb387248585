"""The timeline of each atomic, from exec to telemetry to the alert, on one scale of seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from harness.report.html.subject import Subject


@dataclass(frozen=True)
class Lane:
    """One atomic. `rule` is empty where its times are the same under all rules."""

    subject: Subject
    rule: str
    telemetry: float | None
    alert: float | None


@dataclass(frozen=True)
class Timeline:
    """The lanes, on an axis that ends at `end` seconds and has a tick at each of `ticks`."""

    lanes: list[Lane]
    end: float
    ticks: list[float]

    def at(self, seconds: float) -> str:
        """Where a moment lies, in per cent of the width."""
        return f"{max(0.0, seconds) / self.end * 100:.2f}%"

    def spread(self, what: str) -> str:
        """Median and greatest of `telemetry` or `alert`; empty where no time is known."""
        times = [value for lane in self.lanes if (value := getattr(lane, what)) is not None]
        return f"{what} median {median(times):.2f} s, max {max(times):.2f} s" if times else ""


def timeline(subjects: Sequence[Subject]) -> Timeline | None:
    """The timeline of those with a known latency; None where there are none."""
    lanes: list[Lane] = []
    for subject in subjects:
        times: dict[tuple[float | None, float | None], str] = {}
        for row in subject.rows:
            latency = row.result.latency
            if latency.telemetry is not None or latency.alert is not None:
                times.setdefault((latency.telemetry, latency.alert), row.result.rule)
        several = len(times) > 1
        lanes += [Lane(subject, rule if several else "", *latency) for latency, rule in times.items()]
    if not lanes:
        return None
    last = max(value for lane in lanes for value in (lane.telemetry, lane.alert) if value is not None)
    step = _step(last)
    count = max(1, math.ceil(last / step))
    return Timeline(lanes, count * step, [number * step for number in range(count + 1)])


def _step(last: float) -> float:
    """A round number of seconds that divides the axis into five parts or fewer; its end is a millisecond or more."""
    last = max(last, 0.001)
    size = 10.0 ** math.floor(math.log10(last / 5))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor * 5 >= last * 0.999999)
