"""A value in JSON out of a recording, which anybody may have changed: what is odd about it is damage, and no crash."""

from __future__ import annotations

import json
import math
from typing import Any

_LATEST = 253402300800  # the year 10000, in seconds
_LONG = 1 << 63  # what a column holds


def parsed(text: str | bytes) -> Any:
    """The value. Raises ValueError where it is none, or has brackets without end or a number that JSON has not."""
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def whole(value: object) -> int:
    """A whole number, such as a pid or a status. Raises ValueError for anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LONG:
        raise ValueError("not a whole number")
    return value


def seconds(value: object) -> float:
    """Seconds since the epoch. Raises ValueError for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _LATEST:
        raise ValueError("not a time")
    return float(value)


def text(value: object) -> str:
    """A text, and nothing that could be made one. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _finite(number: str) -> float:
    found = float(number)
    if not math.isfinite(found):
        raise ValueError("not a number")
    return found
