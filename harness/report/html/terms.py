"""Why a predicate over a list of terms rejected a row, in words, where the predicate's text and the row show it."""

from __future__ import annotations

import re

from harness.model.atomic_result import NearMiss

# Literals with escapes, verbatim literals and those of several lines are not read: for them there is no explanation.
_LITERAL = r"""(?:"[^"\\\n]*"|'[^'\\\n]*')"""
_LIST = rf"{_LITERAL}(?:\s*,\s*{_LITERAL})*(?:\s*,)?"
_DYNAMIC = rf"dynamic\s*\(\s*\[\s*(?P<list>{_LIST})\s*\]\s*\)"
_PREDICATE = re.compile(
    rf"(?P<column>\w+)\s*\b(?P<operator>has_any|has|contains|in~|in)(?!\w)\s*"
    rf"(?:\(\s*(?:(?P<name>\w+)|(?P<literals>{_LIST}))\s*\)|(?P<literal>{_LITERAL}))"
)


def unmatched(query: str, near: NearMiss) -> str:
    """A sentence that none of the terms occurs in the row's value, or that the value is none of them; else empty.

    Empty too where a term occurs within a longer word: only the engine knows how it separates words.
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
        among = value in terms if operator == "in" else value.lower() in [term.lower() for term in terms]
        return "" if among else f"Its {column} is none of the {len(terms)} values{of}."
    if any(term.lower() in value.lower() for term in terms):
        return ""
    if len(terms) == 1:
        return f"'{terms[0]}' does not occur in its {column}."
    return f"None of the {len(terms)} terms{of} occurs in its {column}."


def _terms(query: str, match: re.Match[str]) -> list[str]:
    """The literals that a predicate compares with, in it or in a `let`; none where they can't be read."""
    if not match["name"]:
        return _literals(match["literals"] or match["literal"])
    if len(re.findall(rf"\b{match['name']}\s*=(?![=~])", query)) != 1:
        return []
    let = re.search(rf"\blet\s+{match['name']}\s*=\s*{_DYNAMIC}\s*;", query)
    return _literals(let["list"]) if let else []


def _literals(text: str) -> list[str]:
    return [literal[1:-1] for literal in re.findall(_LITERAL, text)]
