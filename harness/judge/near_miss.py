"""Why a rule was silent: the row that came closest, the predicate that rejected it, and the row's values.

The rule's pipeline is cut after each `where`; rows are followed until none is left. KQL grammar by duckdb-kql's parser.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from harness.errors import LimitMet
from harness.judge.evidence import origins_of, plain, to_evidence
from harness.kql.engine import QueryFailed, Row
from harness.kql.tree import kind, parse, walk
from harness.kql.workspace import Workspace
from harness.model.atomic_result import NearMiss
from harness.model.rule import Rule

# Comments and string literals: in quotes, verbatim (@"…"), and over several lines (```…```).
_LITERAL = re.compile(
    r"//[^\n]*|```.*?```"
    r"""|@"(?:[^"]|"")*"|@'(?:[^']|'')*'"""
    r"""|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""",
    re.DOTALL,
)
_INMOST = re.compile(r"[(\[{][^()\[\]{}]*[)\]}]")  # a pair of brackets without brackets inside
_CANDIDATES = 500  # a slice has tens of rows; this limits other inputs


@dataclass(frozen=True)
class Predicate:
    """One conjunct of a `where`. `prefix` is the query up to that operator; `offset` counts characters."""

    text: str
    offset: int
    prefix: str


def predicates(kql: str) -> list[Predicate]:
    """The conjuncts of the `where` operators of the last statement's pipeline, in order."""
    kql = _LITERAL.sub(lambda match: " " * len(match[0]) if match[0].startswith("//") else match[0], kql)
    conjuncts: list[Predicate] = []
    for node in walk(parse(kql)):
        if kind(node) != "PipedOperator" or _is_nested(node):
            continue
        operator = node.getChild(node.getChildCount() - 1).getChild(0)
        if kind(operator) == "WhereOperator":
            start, stop = operator.start.stop + 1, operator.stop.stop + 1
            prefix = kql[: node.start.start]
            passed = ""
            for offset, text in _conjuncts(kql[start:stop], start):
                conjuncts.append(Predicate(text, offset, f"{prefix}{passed}"))
                passed += f"| where {text}\n"
    return conjuncts


def explain(rule: Rule, workspace: Workspace, slice_: str, telling: Iterable[str] = ()) -> NearMiss | None:
    """The near miss of a silent rule over one slice; None where the slice has no row for the rule.

    `telling` are texts from the attack's own rows, which its preparations lack. Raises LimitMet if the engine is lost.
    """
    try:
        return _explain(rule, workspace, slice_, _words(telling))
    except QueryFailed:  # a missing explanation must not cost the verdict
        return None
    except LimitMet as error:
        if error.lost:  # the engine is gone
            raise
        return None


def _explain(rule: Rule, workspace: Workspace, slice_: str, telling: set[str]) -> NearMiss | None:
    passed: list[str] = []
    for predicate in predicates(rule.query):
        before = workspace.query(predicate.prefix, slice_)
        if not before:
            return None
        if not workspace.query(f"{predicate.prefix}| where {predicate.text}\n", slice_):
            row = _closest(rule, workspace, slice_, before, telling)
            return _miss(rule, predicate, row, passed, origins_of(workspace, slice_, row))
        passed.append(predicate.text)
    return None


def _closest(rule: Rule, workspace: Workspace, slice_: str, rows: list[Row], telling: set[str]) -> Row:
    """The row that passes most of the rule's predicates.

    Among equals, the one with most words of the attack, then with most words of the rule.
    """
    rows = rows[:_CANDIDATES]
    lets = rule.query[: _last_statement(rule.query)]
    scores: Counter[int] = Counter()
    for predicate in predicates(rule.query):
        try:
            passing = workspace.passing(rows, predicate.text, slice_=slice_, lets=lets)
            scores.update(id(row) for row in passing)
        except QueryFailed:  # it needs a column of a later `extend`
            continue
    words = _words(re.findall(r'"([^"]*)"', rule.query))
    return max(rows, key=lambda row: (scores[id(row)], _familiar(row, telling), _familiar(row, words)))


def _words(texts: Iterable[str]) -> set[str]:
    return set(re.findall(r"\w+", " ".join(texts).casefold()))


def _familiar(row: Row, words: set[str]) -> int:
    return sum(len(words & _words([value])) for value in row.values() if isinstance(value, str))


def _last_statement(kql: str) -> int:
    """Where the last statement begins. Only `let` statements come before it."""
    return max(int(node.start.start) for node in walk(parse(kql)) if kind(node) == "QueryStatement")


def _miss(rule: Rule, predicate: Predicate, row: Row, passed: list[str], origins: tuple[str, list[Row]]) -> NearMiss:
    before = rule.query[: predicate.offset]
    evidence = to_evidence(*origins)
    return NearMiss(
        predicate=predicate.text,
        at=str(rule.at(before.count("\n") + 1, len(before) - before.rfind("\n"))),
        values={name: plain(row[name]) for name in row if re.search(rf"\b{re.escape(name)}\b", predicate.text)},
        passed=passed,
        evidence=evidence[0] if evidence else None,
    )


def _conjuncts(text: str, offset: int) -> list[tuple[int, str]]:
    """The parts of a predicate that a top-level `and` joins, each with its place."""
    masked = _masked(_LITERAL, text)
    while _INMOST.search(masked):
        masked = _masked(_INMOST, masked)
    words = [*re.finditer(r"\b(?:and|or)\b", masked)]
    if any(word[0] == "or" for word in words):  # `or` binds less than `and`, so the text is one predicate
        words = []
    edges = [0, *(edge for word in words for edge in word.span()), len(text)]
    parts = [*pairwise(edges)][::2]  # every other one is an `and`
    return [(offset + b - len(text[a:b].lstrip()), text[a:b].strip()) for a, b in parts]


def _masked(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: '"' * len(match[0]), text)


def _is_nested(node: Any) -> bool:
    """Whether a pipeline stands in parentheses or in a function's body."""
    while (node := node.parentCtx) is not None:
        if kind(node) in ("ParenthesizedExpression", "LetStatement"):
            return True
    return False
