"""The length of a rule's time window, as its metadata says it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harness.proof.mutation.window import period


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1d", timedelta(days=1)),
        ("24h", timedelta(days=1)),
        ("30m", timedelta(minutes=30)),
        ("PT1H", timedelta(hours=1)),
        ("P1D", timedelta(days=1)),
        ("P1DT2H30M", timedelta(days=1, hours=2, minutes=30)),
        (None, timedelta(days=1)),
        ("P", timedelta(days=1)),
        ("soon", timedelta(days=1)),
    ],
)
def test_a_period(text: str | None, expected: timedelta) -> None:
    assert period(text) == expected
