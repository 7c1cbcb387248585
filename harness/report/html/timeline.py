"""The timeline of each atomic, from exec through each sensor to the alert, on one scale of seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.atomic_result import Latency
from harness.model.spread import Spread
from harness.report.html.subject import Subject
from harness.study.nights.latency import ALERT, TELEMETRY

# Each sensor has a shape, drawn around (0, 0) within 10 by 10. There are three sensors today.
SENSOR_SHAPES = ("M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", "M0-5l5 9h-10z", "M0-5l5 5l-5 5l-5-5z", "M-4-4l8 8m0-8l-8 8")
ALERT_SHAPE = "M-4-4h8v8h-8z"


@dataclass(frozen=True)
class Point:
    """A layer on a lane. `shape` is an SVG path, `kind` its colours."""

    layer: str
    seconds: float
    shape: str
    kind: str


@dataclass(frozen=True)
class Lane:
    """One atomic. `rule` is empty where its times are the same under all rules; `times` are by layer."""

    subject: Subject
    rule: str
    times: dict[str, float]
    points: list[Point]


@dataclass(frozen=True)
class Timeline:
    """The lanes, on an axis that ends at `end` seconds and has a tick at each of `ticks`."""

    lanes: list[Lane]
    layers: dict[str, Point]
    end: float
    ticks: list[float]

    def at(self, seconds: float) -> str:
        """The place of a moment, in per cent of the width."""
        return f"{max(0.0, seconds) / self.end * 100:.2f}%"

    def spread(self, layer: str) -> Spread | None:
        """The percentiles of a layer over all lanes."""
        return Spread.of(lane.times[layer] for lane in self.lanes if layer in lane.times)


def timeline(subjects: Sequence[Subject]) -> Timeline | None:
    """The timeline of those with a known latency; None where there are none."""
    entries: list[tuple[Subject, str, dict[str, float]]] = []
    for subject in subjects:
        times: dict[tuple[tuple[str, float], ...], str] = {}
        for row in subject.rows:
            if layers := _layers(row.result.latency):
                times.setdefault(tuple(layers.items()), row.result.rule)
        entries += [(subject, rule if len(times) > 1 else "", dict(layers)) for layers, rule in times.items()]
    if not entries:
        return None
    names = sorted(
        {name for _, _, times in entries for name in times},
        key=lambda name: (name in (TELEMETRY, ALERT), name == ALERT, name),
    )
    kinds = {name: _point(name, number) for number, name in enumerate(names)}
    lanes = [
        Lane(subject, rule, times, [Point(n, s, kinds[n].shape, kinds[n].kind) for n, s in times.items()])
        for subject, rule, times in entries
    ]
    last = max(seconds for _, _, times in entries for seconds in times.values())
    step = _step(last)
    count = max(1, math.ceil(last / step))
    return Timeline(lanes, kinds, count * step, [number * step for number in range(count + 1)])


def _layers(latency: Latency) -> dict[str, float]:
    """The time of each sensor, or of all together where the result has no times by sensor; and that of the alert."""
    times = dict(latency.sensors)
    if not times and latency.telemetry is not None:
        times[TELEMETRY] = latency.telemetry
    if latency.alert is not None:
        times[ALERT] = latency.alert
    return times


def _point(layer: str, number: int) -> Point:
    if layer == ALERT:
        return Point(layer, 0.0, ALERT_SHAPE, "alert")
    shape = number % len(SENSOR_SHAPES)
    return Point(layer, 0.0, SENSOR_SHAPES[shape], f"sensor-{shape}")


def _step(last: float) -> float:
    """A round number of seconds that divides the axis into five parts or fewer. The axis has a millisecond at least."""
    last = max(last, 0.001)
    size = 10.0 ** math.floor(math.log10(last / 5))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor * 5 >= last * 0.999999)
