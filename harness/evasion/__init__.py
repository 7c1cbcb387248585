"""Evasions: other ways to do what an attack does. No code here runs a command."""

from harness.evasion.families import Family, families
from harness.evasion.variants import variants

__all__ = ["Family", "families", "variants"]
