"""Whether each word that should set a flag does so by itself: the atomic's own row, with the other words taken out."""

from __future__ import annotations

from typing import Any

from harness.model.expectation import Expectation
from harness.proof.engines import Engine
from harness.proof.evidence import best_table
from harness.proof.tables.schema import RECORD

_SLICE = "counterfactual"


def check_grounds(
    expectation: Expectation, engine: Engine, slice_: str, rows: list[dict[str, Any]]
) -> dict[str, dict[str, bool]]:
    """For each flag with grounds and each of its words: whether the word alone makes the rule fire with that flag."""
    found: dict[str, dict[str, bool]] = {}
    for flag, words in expectation.entry.grounds.items():
        found[flag] = dict.fromkeys(words, False)
        table, origins = _origins(engine, slice_, rows)
        variants = [variant for origin in origins for variant in _variants(origin, words)]
        if not variants:
            continue
        engine.put(table, _SLICE, variants)
        for alert in engine.query(expectation.rule.query, _SLICE):
            for match in engine.matching(table, _SLICE, alert):
                found[flag][match[RECORD]] = alert.get(flag) is True
    return found


def _origins(engine: Engine, slice_: str, rows: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """The table rows that the first of these alerts came from."""
    for table in best_table(rows[0]) if rows else []:
        if origins := engine.matching(table, slice_, rows[0]):
            return table, origins
    return "", []


def _variants(origin: dict[str, Any], words: list[str]) -> list[dict[str, Any]]:
    """The row once for each word that is in it, without the other words; the word stands in its `_Record`."""
    variants = []
    for word in words:
        others = [other for other in words if other != word]
        cut = {name: _cut(value, others) for name, value in origin.items()}
        if any(isinstance(value, str) and word in value for value in cut.values()):
            variants.append(cut | {RECORD: word})
    return variants


def _cut(value: Any, words: list[str]) -> Any:
    """A command line without some words; what is no text stays as it is."""
    if not isinstance(value, str):
        return value
    for word in words:
        value = value.replace(f"{word} ", "")
    return value
