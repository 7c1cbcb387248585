"""Alike calls: whether more were made than noted, so that one of them may be another party's."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from harness.telemetry.readers.gateway_requests import Window

# dockerd logs with this host's clock: its line on a request lies between sending and answer, with this slack (seconds).
SLACK = 0.005


def within(window: Window, at: float) -> bool:
    """Whether a moment lies in a window."""
    return window[0] - SLACK <= at <= window[1] + SLACK


def surplus(at: float, moments: Collection[float], noted: Iterable[Window]) -> bool:
    """Whether more alike calls were made around `at` than noted. `moments` are the times of all alike calls.

    Overlapping windows count as one, since a call in both may belong to either.
    """
    spans: list[tuple[float, float, int]] = []
    for sent, answered in sorted(noted):
        first, last, count = sent - SLACK, answered + SLACK, 1
        if spans and first <= spans[-1][1]:
            begin, end, before = spans.pop()
            first, last, count = begin, max(end, last), before + 1
        spans.append((first, last, count))
    return any(
        first <= at <= last and sum(first <= moment <= last for moment in moments) > count
        for first, last, count in spans
    )
