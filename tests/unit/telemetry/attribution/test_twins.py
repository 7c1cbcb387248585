"""Calls that look alike, and whether somebody made one that nobody noted."""

from __future__ import annotations

import pytest

from harness.telemetry.attribution.twins import SLACK, surplus, within
from harness.telemetry.readers.gateway_requests import Window


@pytest.mark.parametrize(
    ("at", "expected"),
    [(10 - SLACK, True), (10.0, True), (11 + SLACK, True), (10 - 2 * SLACK, False), (11 + 2 * SLACK, False)],
)
def test_the_daemon_may_note_a_call_a_little_before_and_after(at: float, expected: bool) -> None:
    assert within((10.0, 11.0), at) is expected


ONE: list[Window] = [(10.0, 11.0)]
APART: list[Window] = [(20.0, 21.0), (10.0, 11.0)]
OVERLAPPING: list[Window] = [(10.5, 12.0), (10.0, 11.0)]
INSIDE: list[Window] = [(10.0, 20.0), (11.0, 12.0)]
TOUCHING: list[Window] = [(-1.0, 0.0), (2 * SLACK, 1.0)]
NEAR: list[Window] = [(10.0, 11.0), (11 + 1.5 * SLACK, 12.0)]  # a call between them may be of either


@pytest.mark.parametrize(
    ("at", "moments", "noted", "expected"),
    [
        (10.5, [10.5], ONE, False),
        (10.5, [10.5, 10.6], ONE, True),
        (10.6, [10.5, 10.6], ONE, True),
        (10 - SLACK, [10 - SLACK, 11 + SLACK], ONE, True),
        (11 + SLACK, [10 - SLACK, 11 + SLACK], ONE, True),
        (10.5, [10.5, 11.5], ONE, False),  # the other one lies outside
        (11.5, [10.5, 11.5, 10.6], ONE, False),
        (10.5, [10.5, 10.6], [], False),  # none was noted: that is another question
        (10.5, [10.5, 20.5], APART, False),
        (20.5, [10.5, 20.5, 20.6], APART, True),
        (10.5, [10.5, 20.5, 20.6], APART, False),
        (10.5, [10.5, 11.5], OVERLAPPING, False),
        (10.1, [10.1, 10.2, 11.9], OVERLAPPING, True),
        (11.9, [10.1, 10.2, 11.9], OVERLAPPING, True),
        (19.0, [11.5, 19.0], INSIDE, False),
        (19.0, [11.5, 11.6, 19.0], INSIDE, True),
        (11.5, [10.5, 10.6, 11.5], NEAR, True),
        (11.5, [10.5, 11.5], NEAR, False),
        (0.5, [SLACK, 0.5], TOUCHING, False),  # the first may be of either
        (15.0, [11.0, 15.0, 19.0, 16.0], [*INSIDE, (13.0, 14.0)], True),
        (15.0, [11.0, 15.0, 19.0], [*INSIDE, (13.0, 14.0)], False),
    ],
)
def test_there_are_more_calls_than_were_noted(
    at: float, moments: list[float], noted: list[Window], expected: bool
) -> None:
    assert surplus(at, moments, noted) is expected
