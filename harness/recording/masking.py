"""The values of environment variables are in no recording: what stands in their place."""

from __future__ import annotations

from typing import Any

TAKEN_OUT = "***"


def without_values(variables: Any) -> list[str]:
    """The variables of a container, `NAME=VALUE` each, by name."""
    return [f"{str(variable).partition('=')[0]}={TAKEN_OUT}" for variable in variables or []]
