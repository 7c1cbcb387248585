"""Whether each word that should set a flag does so by itself: the atomic's own row, with the other words taken out.

Words are arguments, and are cut out of the argument vector as it was recorded: a word that stands inside another
argument is none. The derived rows stand in slices of their own, one for each atomic and flag, so that a rule that
works row by row is asked about all of them in the same execution as about everything else.
"""

from __future__ import annotations

import json
import re
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
        variants = [v for origin in origins for v in _variants(origin, _vector(engine, slice_, origin), words)]
        engine.put(table or next(iter(TABLES)), derived, variants)


def _slice(expectation: Expectation, slice_: str, flag: str) -> str:
    return f"counterfactual {expectation.rule.path} {slice_} {flag}"


def _origins(engine: Engine, slice_: str, rows: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """The table rows that the first of these alerts came from."""
    for table in best_table(rows[0]) if rows else []:
        if origins := engine.matching(table, slice_, rows[0]):
            return table, origins
    return "", []


def _vector(engine: Engine, slice_: str, origin: dict[str, Any]) -> list[str] | None:
    """The argument vector of the process that a row tells of; None for a row that tells of none, or of a part."""
    if not {"ProcessCommandLine", "Argv"} & origin.keys():
        return None
    for row in engine.numbered("Auditd_CL", slice_).values():
        if row[RECORD] == origin[RECORD]:
            argv = json.loads(row["Argv"]) if isinstance(row["Argv"], str) else row["Argv"]
            return argv if isinstance(argv, list) and all(isinstance(each, str) for each in argv) else None
    return None


def _variants(origin: dict[str, Any], argv: list[str] | None, words: list[str]) -> list[dict[str, Any]]:
    """The row once for each word that is in it, without the other words; the word stands in its `_Record`."""
    variants = []
    for word in words:
        others = [other.split() for other in words if other != word]
        if argv is None:
            texts = [value for value in origin.values() if isinstance(value, str)]
            cut = {name: _without_text(value, others) for name, value in origin.items()}
            there = any(_without(text.split(), [word.split()]) != text.split() for text in texts)
        else:
            left = _without(argv, others)
            cut = {name: _without_text(value, others) for name, value in origin.items()} | _command(origin, left)
            there = _without(argv, [word.split()]) != argv
        if there:
            variants.append(cut | {RECORD: word})
    return variants


def _command(origin: dict[str, Any], argv: list[str]) -> dict[str, Any]:
    """The columns that hold a process's arguments, as harness/proof/tables/exec_rows.py makes them."""
    columns = {"ProcessCommandLine": " ".join(argv), "CommandLine": " ".join(argv), "Argv": json.dumps(argv)}
    return {name: value for name, value in columns.items() if name in origin}


def _without(arguments: list[str], sequences: list[list[str]]) -> list[str]:
    """The arguments but for each place where all of a sequence stand one after the other."""
    left, place = list[str](), 0
    while place < len(arguments):
        length = max((len(s) for s in sequences if s and arguments[place : place + len(s)] == s), default=0)
        left += [] if length else [arguments[place]]
        place += length or 1
    return left


def _without_text(value: Any, sequences: list[list[str]]) -> Any:
    """As `_without`, for a text of which only the blanks are known; what is no text stays as it is."""
    if not isinstance(value, str):
        return value
    for sequence in sequences:
        words = r"[ \t]+".join(re.escape(word) for word in sequence)
        value = re.sub(rf"(?<!\S){words}(?:[ \t]+|(?!\S))", "", value)
    return value
