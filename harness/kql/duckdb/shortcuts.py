"""Optimisations of the engine, which can be switched off: the answers are the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shortcuts:
    """`carry`: a query that works row by row runs once for all slices. `fold`: its SQL is made cheap to plan.

    `cache`: plans and answers are kept. Without `carry` the engine does not know what a row of an output came from.
    """

    carry: bool = True
    fold: bool = True
    cache: bool = True
