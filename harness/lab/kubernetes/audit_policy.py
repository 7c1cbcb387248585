"""The audit policy of the clusters that we start."""

from __future__ import annotations

from importlib.resources import files


def audit_policy() -> bytes:
    """The policy, in YAML."""
    return files("harness.lab.kubernetes").joinpath("audit_policy.yaml").read_bytes()
