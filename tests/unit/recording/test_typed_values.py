"""Numbers and texts of a recording: what is none is refused, and not made one."""

from __future__ import annotations

from typing import Any

import pytest

from harness.recording.json_lines import parsed, seconds, text, whole

ODD: list[Any] = [None, True, False, "1", [1], {"a": 1}, -1, 1 << 70]


@pytest.mark.parametrize("value", [*ODD, 1.5, 200.0])
def test_what_is_no_whole_number(value: object) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        whole(value)


@pytest.mark.parametrize("value", [*ODD, -0.5, 1e30, float("inf"), float("nan")])
def test_what_is_no_time(value: object) -> None:
    with pytest.raises(ValueError, match="not a time"):
        seconds(value)


@pytest.mark.parametrize("value", [None, True, 1, 1.5, ["a"], {"a": 1}])
def test_what_is_no_text(value: object) -> None:
    with pytest.raises(ValueError, match="not a text"):
        text(value)


def test_what_is_one() -> None:
    assert (whole(0), whole((1 << 63) - 1), seconds(0), seconds(1.5), text("")) == (0, (1 << 63) - 1, 0.0, 1.5, "")


@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity", "1e999", "[-1e999]"])
def test_a_number_that_json_has_not(written: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        parsed(written)
