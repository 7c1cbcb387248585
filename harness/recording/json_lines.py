"""JSON values from a recording, which anyone may have changed: an odd value is damage and must not crash Livefire."""

from __future__ import annotations

import json
import math
from typing import Any

_LATEST = 253402300800  # the year 10000, in seconds
_LONG = 1 << 63  # what a column holds


def parsed(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError where it is invalid, nested too deep, or has NaN or Infinity."""
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
    """A text. Raises ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("not a number")
    return value
