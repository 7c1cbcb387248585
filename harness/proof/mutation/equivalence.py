"""Mutants that can be proven to be the rule itself in other words."""

from __future__ import annotations

import re

from harness.proof.mutation.operators import Mutation

_STRING = re.compile(r'"((?:\\.|[^"\\])*)"')


def is_subsumed(mutation: Mutation, kql: str) -> bool:
    """Whether a literal that was dropped from a `has_any` list is matched by another element of it in any case.

    `has` asks for a term boundary at an edge of the needle that is a letter or digit. So all that has L has M too,
    where M stands inside L with such a boundary at each of M's edges, or where both share the edge.
    """
    dropped = _STRING.search(mutation.before)
    if mutation.operator != "drop-literal" or dropped is None:
        return False
    opened = max(kql.rfind("(", 0, _offset(mutation, kql)), kql.rfind("[", 0, _offset(mutation, kql)))
    closed = min(at for at in (kql.find(")", opened), kql.find("]", opened)) if at >= 0)
    if re.search(r"\bin~?\s*$", kql[:opened]):
        return False
    others = [match[1].lower() for match in _STRING.finditer(kql[opened:closed])]
    others.remove(dropped[1].lower())
    return any(_implies(dropped[1].lower(), other) for other in others)


def _offset(mutation: Mutation, kql: str) -> int:
    lines = kql.split("\n")
    return sum(len(line) + 1 for line in lines[: mutation.line - 1]) + mutation.column - 1


def _implies(literal: str, other: str) -> bool:
    """Whether every text that has `literal` has `other`."""
    if not other:
        return True
    for start in range(len(literal) - len(other) + 1):
        stop = start + len(other)
        if literal[start:stop] != other:
            continue
        left = start == 0 or not other[0].isalnum() or not literal[start - 1].isalnum()
        right = stop == len(literal) or not other[-1].isalnum() or not literal[stop].isalnum()
        if left and right:
            return True
    return False
