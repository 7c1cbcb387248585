"""Shares, differences and the axis of the timeline."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.atomic_result import Latency
from harness.model.rule_figures import TuningResult
from harness.model.spread import Spread
from harness.report.html.figures import percent, points, tuning_rows
from harness.report.html.subject import subjects
from harness.report.html.timeline import Timeline, timeline
from tests.unit.report.html.samples import RULE, RUN, SECRETS, by_atomic, everything, proven


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "-"), (0.0, "0 %"), (0.004, "< 1 %"), (0.5, "50 %"), (0.994, "99 %"), (0.9999, "99 %"), (1.0, "100 %")],
)
def test_only_all_is_100_percent_and_only_none_is_0(share: float | None, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(("difference", "text"), [(None, "-"), (0.0, "±0"), (0.125, "+12.5"), (-0.02, "-2.0")])
def test_points(difference: float | None, text: str) -> None:
    assert points(difference) == text


def test_tuning_is_compared_with_the_rule_as_it_is() -> None:
    before = TuningResult(name="as it is", where="", alerts=4, benign_alerts=2, attacks=2, fired=2)
    after = TuningResult(name="x", where="y", alerts=1, benign_alerts=0, attacks=2, fired=1)
    silent = TuningResult(name="z", where="true", alerts=0, benign_alerts=0, attacks=2, fired=0)
    assert [(row.gain, row.cost) for row in tuning_rows([before, after, silent])] == [
        (None, None),
        (0.5, -0.5),
        (None, -1.0),
    ]
    assert tuning_rows([]) == []


def lanes(telemetry: float | None, alert: float | None) -> Timeline | None:
    one = by_atomic(RUN).model_copy(update={"latency": Latency(telemetry=telemetry, alert=alert)})
    return timeline(subjects(proven().model_copy(update={"results": [one]}), "r1"))


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_axis_holds_every_moment_in_few_round_steps(telemetry: float, alert: float) -> None:
    times = lanes(telemetry, alert)
    assert times is not None
    assert times.end >= max(telemetry, alert) * 0.999
    assert 2 <= len(times.ticks) <= 6
    assert 0 <= float(times.at(alert).rstrip("%")) <= 100.1


def test_without_a_known_time_there_is_no_timeline() -> None:
    assert lanes(None, None) is None


def test_rules_share_a_lane_unless_their_times_differ() -> None:
    found = timeline([s for s in subjects(everything(), "r1") if s.atomic == SECRETS])
    assert found is not None
    assert [lane.rule for lane in found.lanes] == [""]
    slow = by_atomic(SECRETS).model_copy(update={"rule": "slow", "latency": Latency(telemetry=0.1, alert=9.0)})
    found = timeline(subjects(proven().model_copy(update={"results": [by_atomic(SECRETS), slow]}), "r1"))
    assert found is not None
    assert [lane.rule for lane in found.lanes] == [RULE, "slow"]
    assert found.spread("alert") == Spread(count=1, p50=9.0, p95=None, p99=None, max=9.0)
