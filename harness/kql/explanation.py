"""What an engine says of a query that does not run, in the words of KQL, and at its place in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from harness.kql.engine import QueryFailed
from harness.telemetry.schema import TABLES

_NAMES = re.compile(r"\blet\s+(\w+)|\b(\w+)\s*=(?![=~])")


@dataclass(frozen=True)
class Explanation:
    """A message, and its place in the KQL text, from 1; 0 where that is not known."""

    message: str
    line: int
    column: int
    hint: str = ""


def explained(kql: str, error: QueryFailed) -> Explanation:
    """The error as it is; but a name that there is not, of which the engine told no place, is found in the KQL."""
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
    found = re.search(rf"\b{re.escape(name)}\b", kql)
    if found is None:
        return 0, 0
    before = kql[: found.start()]
    return before.count("\n") + 1, len(before) - before.rfind("\n")
