"""Whether each word that should set a flag does so by itself: the atomic's own row, with the other words taken out.

Words are arguments, and are cut out of the argument vector as it was recorded: a word that stands inside another
argument is none. The derived rows stand in slices of their own, one for each atomic and flag, so that a rule that
works row by row is asked about all of them in the same execution as about everything else.
"""

from __future__ import annotations

import json
import re
from typing import Any

from harness.model.expectation import Expectation
from harness.proof.engines import Engine
from harness.proof.engines.base import Row
from harness.proof.evidence import origins_of
from harness.proof.tables.schema import RECORD

_EXECS = "Auditd_CL"  # has the argument vector of each process


def check_grounds(expectation: Expectation, engine: Engine, slice_: str, alert: Row) -> dict[str, dict[str, bool]]:
    """For each flag with grounds and each of its words: whether the word alone makes the rule fire with that flag.

    `alert` is what the rule says of the slice with all words in it.
    """
    lay_grounds(expectation, engine, slice_, alert)
    found: dict[str, dict[str, bool]] = {}
    for flag, words in expectation.entry.grounds.items():
        derived = _slice(expectation, slice_, flag)
        flagged = [row for row in engine.query(expectation.rule.query, derived) if row.get(flag) is True]
        enough = {origin[RECORD] for row in flagged for origin in origins_of(engine, derived, row)[1]}
        found[flag] = {word: word in enough for word in words}
    return found


def lay_grounds(expectation: Expectation, engine: Engine, slice_: str, alert: Row) -> None:
    """Put the derived rows of an alert, once for each rule: they are those of the rule as it was first asked."""
    for flag, words in expectation.entry.grounds.items():
        derived = _slice(expectation, slice_, flag)
        if derived not in engine.slices():
            table, origins = origins_of(engine, slice_, alert)
            variants = [v for origin in origins for v in _variants(origin, _vector(engine, slice_, origin), words)]
            engine.put(table, derived, variants)


def _slice(expectation: Expectation, slice_: str, flag: str) -> str:
    return f"counterfactual {expectation.rule.path} {slice_} {flag}"


def _vector(engine: Engine, slice_: str, origin: Row) -> list[str] | None:
    """The argument vector of the process that a row tells of; None for a row that tells of none, or of a part."""
    for row in engine.numbered(_EXECS, slice_).values():
        if row[RECORD] == origin[RECORD] and row["Argv"]:
            argv = json.loads(row["Argv"])
            return argv if isinstance(argv, list) and all(isinstance(each, str) for each in argv) else None
    return None


def _variants(origin: Row, argv: list[str] | None, words: list[str]) -> list[Row]:
    """The row once for each word that is in it, without the other words; the word stands in its `_Record`."""
    texts = [value.split() for value in origin.values() if isinstance(value, str)] if argv is None else [argv]
    variants = []
    for word in words:
        others = [other.split() for other in words if other != word]
        cut = {name: _without_text(value, others) for name, value in origin.items()}
        if argv is not None:
            cut |= _command(origin, _without(argv, others))
        if any(_without(text, [word.split()]) != text for text in texts):
            variants.append(cut | {RECORD: word})
    return variants


def _command(origin: Row, argv: list[str]) -> Row:
    """The columns that hold a process's arguments, as harness/proof/tables/exec_rows.py makes them."""
    columns = {"ProcessCommandLine": " ".join(argv), "CommandLine": " ".join(argv), "Argv": json.dumps(argv)}
    return {name: value for name, value in columns.items() if name in origin}


def _without(arguments: list[str], sequences: list[list[str]]) -> list[str]:
    """The arguments but for each place where all of a sequence stand one after the other."""
    left, place = list[str](), 0
    while place < len(arguments):
        length = max([0, *(len(s) for s in sequences if arguments[place : place + len(s)] == s)])
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
