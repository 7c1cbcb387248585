"""Durations of rules and command lines."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5m", timedelta(minutes=5)),
        ("1h", timedelta(hours=1)),
        ("14d", timedelta(days=14)),
        ("1.5h", timedelta(minutes=90)),
        ("0s", timedelta()),
        ("PT5M", timedelta(minutes=5)),
        ("PT1H", timedelta(hours=1)),
        ("P1D", timedelta(days=1)),
        ("P2W", timedelta(days=14)),
        ("P1DT2H30M5S", timedelta(days=1, hours=2, minutes=30, seconds=5)),
    ],
)
def test_a_duration(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "5",
        "m",
        "-5m",
        "5 m",
        "5M",
        "1h30m",
        "P",
        "PT",
        "P1DT",
        "PD",
        "P1M",
        "P1Y",
        "1e3s",
        "\u0665m",
        "4000d",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no duration|longer than ten years"):
        parse_duration(text)


@given(st.integers(0, 3000), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_iso_is_the_sum_of_its_parts(days: int, hours: int, minutes: int, seconds: int) -> None:
    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert parse_duration(f"P{days}DT{hours}H{minutes}M{seconds}S") == expected
    assert parse_duration(f"{int(expected.total_seconds())}s") == expected


@given(st.text(max_size=30) | st.from_regex(r"[P0-9DTHMSW.dhms]{1,40}", fullmatch=True))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert timedelta() <= parse_duration(text) <= timedelta(days=3650)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0s"),
        (0.251, "0.25s"),
        (9.5, "9.5s"),
        (59.6, "1m"),
        (300, "5m"),
        (450, "7m 30s"),
        (3899.7, "1h 5m"),
        (3600 * 23.9999, "1d"),
        (86400 * 14, "14d"),
        (-60, "-1m"),
    ],
)
def test_a_duration_for_people(seconds: float, expected: str) -> None:
    assert format_duration(seconds) == expected


@given(st.integers(1, 14 * 24))
def test_whole_hours_are_told_so_that_they_can_be_read_again(hours: int) -> None:
    parts = format_duration(timedelta(hours=hours)).split()
    assert sum((parse_duration(part) for part in parts), timedelta()) == timedelta(hours=hours)
