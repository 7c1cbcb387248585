"""In words why a predicate over a list of terms rejected a row, where that can be told from its text and the row."""

from __future__ import annotations

import re

from harness.model.atomic_result import NearMiss

# Literals with an escape in them, verbatim ones and those over several lines are not read: then nothing is said.
_LITERAL = r"""(?:"[^"\\\n]*"|'[^'\\\n]*')"""
_LIST = rf"{_LITERAL}(?:\s*,\s*{_LITERAL})*(?:\s*,)?"
_DYNAMIC = rf"dynamic\s*\(\s*\[\s*(?P<list>{_LIST})\s*\]\s*\)"
_PREDICATE = re.compile(
    rf"(?P<column>\w+)\s*\b(?P<operator>has_any|has|contains|in~|in)(?!\w)\s*"
    rf"(?:\(\s*(?:(?P<name>\w+)|(?P<literals>{_LIST}))\s*\)|(?P<literal>{_LITERAL}))"
)


def unmatched(query: str, near: NearMiss) -> str:
    """That none of the terms occurs in the row's value, or that the value is none of them; else empty.

    A term that does occur, but within a longer word, is one of which nothing is said: how words are told apart is the
    engine's to know.
    """
    match = _PREDICATE.fullmatch(near.predicate.strip())
    value = near.values.get(match["column"]) if match else None
    if match is None or not isinstance(value, str):
        return ""
    terms = _terms(query, match)
    column, operator = match["column"], match["operator"]
    of = f" of {match['name']}" if match["name"] else ""
    if not terms:
        return ""
    if operator in ("in", "in~"):
        found = value in terms if operator == "in" else value.lower() in [term.lower() for term in terms]
        return "" if found else f"Its {column} is none of the {len(terms)} values{of}."
    if any(term.lower() in value.lower() for term in terms):
        return ""
    if len(terms) == 1:
        return f"'{terms[0]}' does not occur in its {column}."
    return f"None of the {len(terms)} terms{of} occurs in its {column}."


def _terms(query: str, match: re.Match[str]) -> list[str]:
    """The literals that a predicate compares with, those of a `let` among them; none where they can't be read."""
    if not match["name"]:
        return _literals(match["literals"] or match["literal"])
    if len(re.findall(rf"\b{match['name']}\s*=(?![=~])", query)) != 1:
        return []
    let = re.search(rf"\blet\s+{match['name']}\s*=\s*{_DYNAMIC}\s*;", query)
    return _literals(let["list"]) if let else []


def _literals(text: str) -> list[str]:
    return [literal[1:-1] for literal in re.findall(_LITERAL, text)]
