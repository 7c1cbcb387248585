"""Percentiles of a set of measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, FiniteFloat


class Spread(BaseModel):
    """Percentiles by nearest rank: the p-th is the smallest value that at least p % of all do not exceed.

    So each is a measured value. The p95 of fewer than 20 values would be their maximum, and so would the p99 of fewer
    than 100: then it is None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int
    p50: FiniteFloat
    p95: FiniteFloat | None
    p99: FiniteFloat | None
    max: FiniteFloat

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """The spread of some values; None where there are none."""
        ordered = sorted(values)
        if not ordered:
            return None
        count = len(ordered)
        return cls(
            count=count,
            p50=_rank(ordered, 50),
            p95=_rank(ordered, 95) if count >= 20 else None,
            p99=_rank(ordered, 99) if count >= 100 else None,
            max=ordered[-1],
        )


def _rank(ordered: Sequence[float], percent: int) -> float:
    return ordered[math.ceil(percent * len(ordered) / 100) - 1]
