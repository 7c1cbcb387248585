"""Whether each word that should set a flag does so by itself: the atomic's own row, with the other words taken out.

The derived rows stand in slices of their own, one for each atomic and flag, so that a rule that works row by row is
asked about all of them in the same execution as about everything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.model.expectation import Expectation
from harness.proof.engines import Engine
from harness.proof.evidence import best_table
from harness.proof.tables.schema import RECORD, TABLES


def check_grounds(
    expectation: Expectation, engine: Engine, slice_: str, rows: list[dict[str, Any]]
) -> dict[str, dict[str, bool]]:
    """For each flag with grounds and each of its words: whether the word alone makes the rule fire with that flag."""
    found: dict[str, dict[str, bool]] = {}
    if expectation.entry.grounds and rows:
        lay_grounds(expectation, engine, slice_, rows)
    for flag, words in expectation.entry.grounds.items():
        found[flag] = dict.fromkeys(words, False)
        derived = _slice(expectation, slice_, flag)
        if rows and derived in engine.slices():
            for alert in engine.query(expectation.rule.query, derived):
                for match in _origins(engine, derived, [alert])[1]:
                    found[flag][match[RECORD]] = alert.get(flag) is True
    return found


def lay_grounds(expectation: Expectation, engine: Engine, slice_: str, rows: Iterable[dict[str, Any]]) -> None:
    """Put the derived rows of these alerts, once for each rule: they are those of the rule as it was first asked."""
    table, origins = "", list[dict[str, Any]]()
    for flag, words in expectation.entry.grounds.items():
        derived = _slice(expectation, slice_, flag)
        if derived in engine.slices():
            continue
        if not table:
            table, origins = _origins(engine, slice_, list(rows))
        variants = [variant for origin in origins for variant in _variants(origin, words)]
        engine.put(table or next(iter(TABLES)), derived, variants)


def _slice(expectation: Expectation, slice_: str, flag: str) -> str:
    return f"counterfactual {expectation.rule.path} {slice_} {flag}"


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
