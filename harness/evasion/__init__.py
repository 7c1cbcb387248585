"""Evasions: from what an attack means, the other ways to do the same. Nothing here runs anything."""

from harness.evasion.families import Family, families
from harness.evasion.variants import variants

__all__ = ["Family", "families", "variants"]
