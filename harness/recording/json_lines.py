"""A value in JSON out of a recording, which anybody may have changed."""

from __future__ import annotations

import json
from typing import Any


def parsed(text: str | bytes) -> Any:
    """The value. Raises ValueError where it is none, or has brackets without end."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
