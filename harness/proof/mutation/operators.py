"""The mutation operators: each changes one place of a KQL query, found on the parse tree with its exact span.

To add one, write a function that takes a node of the tree and the text and yields edits, and list it in OPERATORS.
Node names are those of duckdb-kql's grammar, which follows Microsoft's Kusto grammar (Kusto.g4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb_kql

from harness.proof.engines import QueryFailed
from harness.proof.near_miss import walk

Edit = tuple[int, int, str]  # from, to (exclusive), the new text
_Operator = Callable[[Any, str], Iterator[Edit]]


@dataclass(frozen=True)
class Mutation:
    """A query with one change. `line` and `column` count from 1; `before` and `after` are the text at that place."""

    operator: str
    line: int
    column: int
    before: str
    after: str
    query: str


def mutations(kql: str) -> list[Mutation]:
    """All mutations of a query, in the order of the text. Raises QueryFailed for a query that does not parse."""
    try:
        tree = duckdb_kql.parse(kql).tree
    except duckdb_kql.KqlSyntaxError as error:
        raise QueryFailed(str(error)) from None
    edits: dict[tuple[Edit, str], None] = {}
    for node in walk(tree):
        for name, operator in OPERATORS.items():
            for edit in operator(node, kql):
                edits[edit, name] = None
    return [_mutation(kql, edit, name) for edit, name in sorted(edits)]


def _mutation(kql: str, edit: Edit, operator: str) -> Mutation:
    start, stop, text = edit
    line = kql.count("\n", 0, start) + 1
    column = start - (kql.rfind("\n", 0, start) + 1) + 1
    return Mutation(operator, line, column, kql[start:stop], text, kql[:start] + text + kql[stop:])


def drop_literal(node: Any, kql: str) -> Iterator[Edit]:
    """One element out of a list of several: `has_any ("a", "b")`, `in~ (…)`, `dynamic([…])`."""
    yield from _each_less(_elements(node))


def alter_literal(node: Any, kql: str) -> Iterator[Edit]:
    """A string that stands by itself, made into one that nothing contains."""
    if _kind(node) == "StringLiteralExpression" and len(_elements(_list_around(node))) <= 1:
        yield *_span(node), '"livefire-altered"'


def drop_where(node: Any, kql: str) -> Iterator[Edit]:
    """A `where` less."""
    if _kind(node) == "PipedOperator" and _operator_of(node) == "WhereOperator":
        yield *_span(node), ""


def negate_flag(node: Any, kql: str) -> Iterator[Edit]:
    """`extend F = x` as `extend F = not(x)`."""
    for start, stop in _extended(node):
        yield start, stop, f"not({kql[start:stop]})"


def fix_flag(node: Any, kql: str) -> Iterator[Edit]:
    """`extend F = x` as a constant."""
    for start, stop in _extended(node):
        yield start, stop, "true"
        yield start, stop, "false"


_OPERATORS = {
    "in~": ["in"],
    "has_any": ["has_all"],
    "has": ["contains"],
    "contains": ["has"],
    "=~": ["=="],
    "and": ["or"],
    "or": ["and"],
}


def change_operator(node: Any, kql: str) -> Iterator[Edit]:
    """`in~` as `in`, `has_any` as `has_all`, `has` as `contains`, and their like."""
    symbol = getattr(node, "symbol", None)
    if symbol is not None and symbol.text in _OPERATORS:
        for other in _OPERATORS[symbol.text]:
            yield symbol.start, symbol.stop + 1, other


def shrink_window(node: Any, kql: str) -> Iterator[Edit]:
    """`ago(24h)` as `ago(0s)`."""
    if _kind(node) == "NamedFunctionCallExpression" and kql[slice(*_span(node))].startswith("ago"):
        yield *_span(node), "ago(0s)"


def drop_column(node: Any, kql: str) -> Iterator[Edit]:
    """A column less in a `project`."""
    if _kind(node) == "ProjectOperator":
        yield from _each_less(_inner(node))


OPERATORS: dict[str, _Operator] = {
    "drop-literal": drop_literal,
    "alter-literal": alter_literal,
    "drop-where": drop_where,
    "negate-flag": negate_flag,
    "fix-flag": fix_flag,
    "change-operator": change_operator,
    "shrink-window": shrink_window,
    "drop-column": drop_column,
}


def _kind(node: Any) -> str:
    return type(node).__name__.removesuffix("Context")


def _span(node: Any) -> tuple[int, int]:
    return int(node.start.start), int(node.stop.stop) + 1


def _elements(node: Any) -> list[Any]:
    """The literals of a list; empty for a node that is none."""
    return _inner(node) if node is not None and _kind(node) in ("ListEqualityExpression", "JsonArray") else []


def _inner(node: Any) -> list[Any]:
    """The children that are no tokens."""
    return [child for child in node.children if not hasattr(child, "symbol")]


def _each_less(elements: list[Any]) -> Iterator[Edit]:
    """Each of several elements dropped, with one comma. The last one that is left stays."""
    for number, element in enumerate(elements if len(elements) > 1 else []):
        if number + 1 < len(elements):  # with the comma that follows it
            yield element.start.start, elements[number + 1].start.start, ""
        else:
            yield elements[number - 1].stop.stop + 1, element.stop.stop + 1, ""


def _list_around(node: Any) -> Any:
    """The list whose element a literal is, through the grammar's single-child levels."""
    above = node.parentCtx
    while above is not None and len(above.children) == 1:
        above = above.parentCtx
    return above if above is not None and _kind(above) in ("ListEqualityExpression", "JsonArray") else None


def _operator_of(piped: Any) -> str:
    last = piped.children[-1]
    while not _kind(last).endswith("Operator") or _kind(last) == "AfterPipeOperator":
        last = last.children[0]
    return _kind(last)


def _extended(node: Any) -> Iterator[tuple[int, int]]:
    """The expressions to which an `extend` gives a name."""
    if _kind(node) != "ExtendOperator":
        return
    for child in node.children:
        if _kind(child) == "NamedExpression" and len(child.children) == 2:
            yield _span(child.children[1])
