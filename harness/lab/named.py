"""Where the user named a choice: on the command line, or in an environment variable."""

from __future__ import annotations

import os

VARIABLES = {"--cluster": "LIVEFIRE_CLUSTER", "--node-image": "LIVEFIRE_NODE_IMAGE"}


def why(option: str, value: str) -> str:
    """The reason of a choice that the user named. Where option and variable agree, it is the variable."""
    variable = _variable(option, value)
    return f"named by {variable}" if variable else "named on the command line"


def spelled(option: str, value: str) -> str:
    """The choice as the user wrote it: `--cluster kind`, or `LIVEFIRE_CLUSTER=kind`."""
    variable = _variable(option, value)
    return f"{variable}={value}" if variable else f"{option} {value}"


def _variable(option: str, value: str) -> str:
    """The variable that has this value; empty where none does."""
    variable = VARIABLES.get(option, "")
    return variable if value and os.environ.get(variable) == value else ""
