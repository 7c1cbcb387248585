"""Calls that look alike: whether more were made than anybody noted, so that one of them may be somebody else's."""

from __future__ import annotations

from collections.abc import Collection, Iterable

# dockerd writes its log with the clock of this host; what it logs on a request lies between these two moments.
SLACK = 0.005

Window = tuple[float, float]  # from when it was sent until it was answered; seconds, epoch


def within(window: Window, at: float) -> bool:
    """Whether a moment lies in a window."""
    return window[0] - SLACK <= at <= window[1] + SLACK


def surplus(at: float, moments: Collection[float], noted: Iterable[Window]) -> bool:
    """Whether, around one of the `moments` at which alike calls were made, there are more of them than were noted.

    Windows that overlap are one, since a call in both may be of either.
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
