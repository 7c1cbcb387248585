"""Disagreements between two records of the same things, and the matching of moments to requests."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable
from dataclasses import dataclass

from harness.telemetry.attribution.twins import SLACK
from harness.telemetry.readers.gateway_requests import Window

_VERSION = re.compile(r"^/v[\d.]+(?=/)")


@dataclass(frozen=True)
class Disagreement:
    """What one record has and another lacks; `at` in seconds, epoch."""

    at: float
    text: str


def lacks(file: str, what: str, source: str, at: float) -> Disagreement:
    """The disagreement that `file` lacks something which `source` has."""
    return Disagreement(at, f"{file} lacks {what}, which {source} has")


def place_in(uri: str) -> str:
    """The path of a URI, without the version of the API."""
    return _VERSION.sub("", uri.partition("?")[0])


def matched(windows: Iterable[Window], moments: Iterable[float]) -> tuple[list[Window], list[float]]:
    """The windows without a moment, and the moments without a window, when matched one to one.

    A moment is matched to the open window that ends first, which leaves the fewest unmatched.
    """
    waiting, empty, lone = sorted(windows, reverse=True), list[Window](), list[float]()
    under_way: list[tuple[float, float]] = []
    for at in sorted(moments):
        while waiting and waiting[-1][0] - SLACK <= at:
            sent, answered = waiting.pop()
            heapq.heappush(under_way, (answered, sent))
        while under_way and under_way[0][0] + SLACK < at:
            answered, sent = heapq.heappop(under_way)
            empty.append((sent, answered))
        if under_way:
            heapq.heappop(under_way)
        else:
            lone.append(at)
    empty += [(sent, answered) for answered, sent in under_way]
    return empty + waiting, lone
