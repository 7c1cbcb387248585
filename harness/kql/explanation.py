"""Explains why a query does not run, in the words of KQL, at its place in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from harness.kql.engine import QueryFailed
from harness.telemetry.schema import TABLES

_NAMES = re.compile(r"\blet\s+(\w+)|\b(\w+)\s*=(?![=~])")


@dataclass(frozen=True)
class Explanation:
    """A message and its place in the KQL text, from 1; 0 where the place is not known."""

    message: str
    line: int
    column: int
    hint: str = ""


def explained(kql: str, error: QueryFailed) -> Explanation:
    """The engine's error. An unknown name without a place is looked up in the KQL, with a hint at a similar name."""
    if error.line or not error.unknown:
        return Explanation(error.message, error.line, error.column)
    name = error.unknown
    line, column = _place(kql, name)
    known = {word for pair in _NAMES.findall(kql) for word in pair if word}
    known |= {column for columns in TABLES.values() for column in columns if not column.startswith("_")}
    close = get_close_matches(name, sorted(known - {name}), n=1)
    hint = f"Did you mean '{close[0]}'?" if close else ""
    return Explanation(f"there is no column or variable '{name}'", line, column, hint)


def _place(kql: str, name: str) -> tuple[int, int]:
    match = re.search(rf"\b{re.escape(name)}\b", kql)
    if match is None:
        return 0, 0
    before = kql[: match.start()]
    return before.count("\n") + 1, len(before) - before.rfind("\n")
