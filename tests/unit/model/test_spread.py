"""Percentiles by nearest rank."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.spread import Spread

VALUES = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=250)


@given(VALUES)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values: list[float]) -> None:
    spread = Spread.of(values)
    assert spread is not None
    for percent, found in ((50, spread.p50), (95, spread.p95), (99, spread.p99)):
        reached = [v for v in values if 100 * sum(other <= v for other in values) >= percent * len(values)]
        assert found in (min(reached), None)
    assert (spread.p50, spread.count, spread.max) == (min(spread.p50, spread.max), len(values), max(values))


@pytest.mark.parametrize(
    ("count", "p95", "p99"), [(1, None, None), (19, None, None), (20, 19.0, None), (99, 95.0, None), (100, 95.0, 99.0)]
)
def test_a_percentile_that_is_the_maximum_is_not_told(count: int, p95: float | None, p99: float | None) -> None:
    spread = Spread.of(float(n) for n in range(1, count + 1))
    assert spread is not None
    assert (spread.p95, spread.p99, spread.max) == (p95, p99, float(count))


def test_nothing_has_no_spread() -> None:
    assert Spread.of([]) is None
