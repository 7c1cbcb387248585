"""Whether each word of a flag's grounds sets the flag by itself: the other words are taken out of the atomic's rows.

Words are whole arguments, and are cut out of the recorded argument vector. The derived rows have slices of their own,
one for each atomic, flag and row. So a rule that works row by row answers them in the same execution as all other rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count, takewhile
from typing import Any

from harness.judge.evidence import origins_of
from harness.kql.engine import Row
from harness.kql.workspace import Workspace
from harness.model.expectation import Expectation
from harness.telemetry.schema import RECORD

_EXECS = "Auditd_CL"  # has the argument vector of each process


def check_grounds(
    expectation: Expectation, workspace: Workspace, slice_: str, alerts: list[Row]
) -> dict[str, dict[str, bool]]:
    """Whether a word alone makes the rule fire with a flag, by flag with grounds and by word.

    `alerts` are the atomic's own rows, with all words in them. A word must occur in at least one row with the flag, and
    must be enough in each row with the flag in which it occurs. Raises QueryFailed.
    """
    lay_grounds(expectation, workspace, slice_, alerts)
    grounds: dict[str, dict[str, bool]] = {}
    for flag, words in expectation.entry.grounds.items():
        tried: dict[str, list[bool]] = {word: [] for word in words}
        for derived in _laid(expectation, workspace, slice_, flag):
            flagged = [row for row in workspace.query(expectation.rule.query, derived) if row.get(flag) is True]
            enough = {origin[RECORD] for row in flagged for origin in origins_of(workspace, derived, row)[1]}
            for word in _words(workspace, derived):
                tried[word].append(word in enough)
        grounds[flag] = {word: bool(outcomes) and all(outcomes) for word, outcomes in tried.items()}
    return grounds


def lay_grounds(expectation: Expectation, workspace: Workspace, slice_: str, alerts: list[Row]) -> None:
    """Put the derived rows of the alerts into the workspace, once for each rule: the first call decides."""
    grounds = expectation.entry.grounds
    if any(_slice(expectation, slice_, flag, 0) in workspace.slices() for flag in grounds):
        return
    for flag, words in grounds.items():
        for number, alert in enumerate(row for row in alerts if row.get(flag) is True):
            table, origins = origins_of(workspace, slice_, alert)
            variants = [v for origin in origins for v in _variants(origin, _vector(workspace, slice_, origin), words)]
            workspace.put(table, _slice(expectation, slice_, flag, number), variants)


def _slice(expectation: Expectation, slice_: str, flag: str, number: int) -> str:
    rule = ascii(str(expectation.rule.path))  # the name of a file may be no UTF-8, which no engine stores
    return f"counterfactual {rule} {slice_} {flag} {number}"


def _laid(expectation: Expectation, workspace: Workspace, slice_: str, flag: str) -> Iterator[str]:
    """The slices of the derived rows, one for each alert with the flag."""
    names = (_slice(expectation, slice_, flag, number) for number in count())
    return takewhile(lambda name: name in workspace.slices(), names)


def _words(workspace: Workspace, derived: str) -> set[str]:
    """The words in the alert that these rows were derived from."""
    tables = [name for name, rows in workspace.count(derived).items() if rows]
    return {row[RECORD] for table in tables for row in workspace.numbered(table, derived).values()}


def _vector(workspace: Workspace, slice_: str, origin: Row) -> list[str] | None:
    """The argument vector of a row's process; None where there is none, or where it is incomplete."""
    for row in workspace.numbered(_EXECS, slice_).values():
        if row[RECORD] == origin[RECORD] and row["Argv"]:
            argv = json.loads(row["Argv"])
            return argv if isinstance(argv, list) and all(isinstance(argument, str) for argument in argv) else None
    return None


def _variants(origin: Row, argv: list[str] | None, words: list[str]) -> list[Row]:
    """A copy of the row for each word in it, without the other words and with the word as `_Record`."""
    texts = [value.split() for value in origin.values() if isinstance(value, str)] if argv is None else [argv]
    variants = []
    for word in words:
        other_words = [w.split() for w in words if w != word]
        cut = {name: _without_text(value, other_words) for name, value in origin.items()}
        if argv is not None:
            cut |= _command(origin, _without(argv, other_words))
        if any(_without(text, [word.split()]) != text for text in texts):
            variants.append(cut | {RECORD: word})
    return variants


def _command(origin: Row, argv: list[str]) -> Row:
    """The columns that hold a process's arguments, as harness/telemetry/rows/exec_rows.py makes them."""
    columns = {"ProcessCommandLine": " ".join(argv), "CommandLine": " ".join(argv), "Argv": json.dumps(argv)}
    return {name: value for name, value in columns.items() if name in origin}


def _without(arguments: list[str], sequences: list[list[str]]) -> list[str]:
    """The arguments without the places where a whole sequence occurs."""
    left, place = list[str](), 0
    while place < len(arguments):
        length = max([0, *(len(s) for s in sequences if arguments[place : place + len(s)] == s)])
        left += [] if length else [arguments[place]]
        place += length or 1
    return left


def _without_text(value: Any, sequences: list[list[str]]) -> Any:
    """As `_without`, for a text, split at blanks; any other value is unchanged."""
    if not isinstance(value, str):
        return value
    for sequence in sequences:
        words = r"[ \t]+".join(re.escape(word) for word in sequence)
        value = re.sub(rf"(?<!\S){words}(?:[ \t]+|(?!\S))", "", value)
    return value
