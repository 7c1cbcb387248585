"""What the user has named, and where: on the command line, or by a variable of the environment."""

from __future__ import annotations

import os

VARIABLES = {"--cluster": "LIVEFIRE_CLUSTER", "--node-image": "LIVEFIRE_NODE_IMAGE"}


def why(option: str, value: str) -> str:
    """The reason of a choice that was named. Where both name the same, it is the variable."""
    variable = _variable(option, value)
    return f"named by {variable}" if variable else "named on the command line"


def spelled(option: str, value: str) -> str:
    """How it was written: `--cluster kind`, or `LIVEFIRE_CLUSTER=kind`."""
    variable = _variable(option, value)
    return f"{variable}={value}" if variable else f"{option} {value}"


def _variable(option: str, value: str) -> str:
    """The variable that has this value; empty where none does."""
    variable = VARIABLES.get(option, "")
    return variable if value and os.environ.get(variable) == value else ""
