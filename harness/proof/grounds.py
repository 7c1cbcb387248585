"""Whether each word that should set a flag does so by itself: the atomic's own row, with the other words taken out."""

from __future__ import annotations

from typing import Any

from harness.model.expectation import Expectation
from harness.proof.engines import Engine
from harness.proof.evidence import best_table

_SLICE = "counterfactual"


def check_grounds(
    expectation: Expectation, engine: Engine, slice_: str, rows: list[dict[str, Any]]
) -> dict[str, dict[str, bool]]:
    """For each flag with grounds and each of its words: whether the word alone makes the rule fire with that flag."""
    found: dict[str, dict[str, bool]] = {}
    for flag, words in expectation.entry.grounds.items():
        for word in words:
            others = [other for other in words if other != word]
            fired = [alert for row in rows for alert in _without(expectation, engine, slice_, row, word, others)]
            found.setdefault(flag, {})[word] = bool(fired) and all(alert.get(flag) is True for alert in fired)
    return found


def _without(
    expectation: Expectation, engine: Engine, slice_: str, row: dict[str, Any], word: str, others: list[str]
) -> list[dict[str, Any]]:
    """What the rule says of the row that `row` came from, without the `others`; nothing if `word` is not in it."""
    for table in best_table(row):
        origins = engine.matching(table, slice_, row)
        if not origins:
            continue
        cut = [{name: _cut(value, others) for name, value in origin.items()} for origin in origins]
        if not any(isinstance(value, str) and word in value for each in cut for value in each.values()):
            return []
        engine.put(table, _SLICE, cut)
        return engine.query(expectation.rule.query, _SLICE)
    return []


def _cut(value: Any, words: list[str]) -> Any:
    """A command line without some words; what is no text stays as it is."""
    if not isinstance(value, str):
        return value
    for word in words:
        value = value.replace(f"{word} ", "")
    return value
