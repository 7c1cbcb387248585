"""The mutation operators: each changes one place of a KQL query, found on the parse tree with its exact span.

To add one, write a function that takes a node of the tree and the text and yields edits, and list it in OPERATORS.
Node names are those of duckdb-kql's grammar, which follows Microsoft's Kusto grammar (Kusto.g4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.kql.tree import children, inmost, inner, is_token, kind, parse, span, walk
from harness.study.mutation.shapes import boolean, elements, let_value, list_around, listed, multiplied

Edit = tuple[int, int, str]  # from, to (exclusive), the new text
_Operator = Callable[[Any, str], Iterator[Edit]]


@dataclass(frozen=True)
class Mutation:
    """A query with one change. `line` and `column` count from 1; `before` and `after` are the text at that place.

    `offset` is that place in characters from the start.
    """

    operator: str
    line: int
    column: int
    before: str
    after: str
    query: str
    offset: int


def mutations(kql: str) -> list[Mutation]:
    """All mutations of a query, in the order of the text. Raises QueryFailed for a query that does not parse."""
    edits: dict[tuple[Edit, str], None] = {}
    for node in walk(parse(kql)):
        for name, operator in OPERATORS.items():
            for edit in operator(node, kql):
                edits[edit, name] = None
    by_query: dict[str, Mutation] = {}  # two operators may give the same query
    for edit, name in sorted(edits):
        mutation = _mutation(kql, edit, name)
        by_query.setdefault(mutation.query, mutation)
    return list(by_query.values())


def _mutation(kql: str, edit: Edit, operator: str) -> Mutation:
    start, stop, text = edit
    line = kql.count("\n", 0, start) + 1
    column = start - (kql.rfind("\n", 0, start) + 1) + 1
    return Mutation(operator, line, column, kql[start:stop], text, kql[:start] + text + kql[stop:], start)


def drop_literal(node: Any, kql: str) -> Iterator[Edit]:
    """A list of several without one element: `has_any ("a", "b")`, `in~ (…)`, `dynamic([…])`."""
    yield from _each_less(elements(node))


def alter_literal(node: Any, kql: str) -> Iterator[Edit]:
    """A single value replaced: by a text that nothing contains, the next number, the other boolean."""
    if len(elements(list_around(node))) > 1:
        return
    text = node.getText()
    match kind(node):
        case "StringLiteralExpression" | "JsonString":
            yield *span(node), '"livefire-altered"'
        case "LongLiteralExpression" if text.isdigit():
            yield *span(node), str(int(text) + 1)
        case "BooleanLiteralExpression":
            yield *span(node), "false" if text.lower() == "true" else "true"


def drop_where(node: Any, kql: str) -> Iterator[Edit]:
    """The query without one `where`."""
    if kind(node) == "PipedOperator" and kind(inmost(node.children[1])) == "WhereOperator":
        yield *span(node), ""


def drop_operand(node: Any, kql: str) -> Iterator[Edit]:
    """`and` or `or` without one operand."""
    if kind(node) in ("LogicalAndExpression", "LogicalOrExpression"):
        yield from _each_less(children(node))


def drop_branch(node: Any, kql: str) -> Iterator[Edit]:
    """A `union` without one table, an `iff` or `case` without one branch."""
    if kind(node) == "UnionOperator":
        operands = [child for child in inner(node) if kind(child) == "UnionOperatorExpression"]
        yield from _each_less(operands)
        piped = node.parentCtx.parentCtx
        if len(operands) == 1 and kind(piped) == "PipedOperator":
            yield *span(piped), ""
    elif kind(node) == "NamedFunctionCallExpression" and node.children[0].getText() in ("iff", "iif", "case"):
        arguments = [child for child in inner(node) if kind(child) == "ArgumentExpression"]
        if len(arguments) == 3:
            for kept in arguments[1:]:
                yield *span(node), f"({kql[slice(*span(kept))]})"
        for first, following in zip(arguments[:-3:2], arguments[2::2], strict=False):
            yield span(first)[0], span(following)[0], ""
        if len(arguments) > 3:  # the last pair, with the comma before it
            yield span(arguments[-4])[1], span(arguments[-2])[1], ""


def negate_flag(node: Any, kql: str) -> Iterator[Edit]:
    """`extend F = x` as `extend F = not(x)`."""
    for start, stop in _flags(node):
        yield start, stop, f"not({kql[start:stop]})"


def fix_flag(node: Any, kql: str) -> Iterator[Edit]:
    """`extend F = x` as a constant."""
    for start, stop in _flags(node):
        yield start, stop, "true"
        yield start, stop, "false"


_OPERATORS = {
    "in~": "in",
    "!in~": "!in",
    "has_any": "has_all",
    "has_all": "has_any",
    "has": "contains",
    "contains": "has",
    "startswith": "contains",
    "endswith": "contains",
    "=~": "==",
    "!=": "==",
    "and": "or",
    "or": "and",
}


def change_operator(node: Any, kql: str) -> Iterator[Edit]:
    """`in~` as `in`, `has_any` as `has_all`, `has` as `contains`, and similar changes."""
    if is_token(node) and node.symbol.text in _OPERATORS and "Name" not in kind(node.parentCtx):
        yield node.symbol.start, node.symbol.stop + 1, _OPERATORS[node.symbol.text]


def loosen_terms(node: Any, kql: str) -> Iterator[Edit]:
    """`x has_any ("a", "b")` as `(x contains "a" or x contains "b")`."""
    if kind(node) == "EqualityExpression" and len(node.children) == 2 and node.children[1].start.text == "has_any":
        subject = kql[slice(*span(node.children[0]))]
        literals = [kql[slice(*span(literal))] for literal in listed(node.children[1])]
        if literals:
            yield *span(node), f"({' or '.join(f'{subject} contains {literal}' for literal in literals)})"


def shrink_window(node: Any, kql: str) -> Iterator[Edit]:
    """`ago(24h)` as `ago(0s)` and as `ago(12h)`."""
    if kind(node) == "NamedFunctionCallExpression" and node.children[0].getText() == "ago":
        yield *span(node), "ago(0s)"
        for literal in _timespans(node):
            yield *span(literal), multiplied(literal.getText(), 0.5)


def widen_window(node: Any, kql: str) -> Iterator[Edit]:
    """`ago(24h)` as `ago(48h)`."""
    if kind(node) == "NamedFunctionCallExpression" and node.children[0].getText() == "ago":
        for literal in _timespans(node):
            yield *span(literal), multiplied(literal.getText(), 2)


def drop_column(node: Any, kql: str) -> Iterator[Edit]:
    """A `project` without one column."""
    if kind(node) == "ProjectOperator":
        yield from _each_less(inner(node))


OPERATORS: dict[str, _Operator] = {
    "drop-literal": drop_literal,
    "alter-literal": alter_literal,
    "drop-where": drop_where,
    "drop-operand": drop_operand,
    "drop-branch": drop_branch,
    "negate-flag": negate_flag,
    "fix-flag": fix_flag,
    "change-operator": change_operator,
    "loosen-terms": loosen_terms,
    "shrink-window": shrink_window,
    "widen-window": widen_window,
    "drop-column": drop_column,
}


def _each_less(operands: list[Any]) -> Iterator[Edit]:
    """Each of several operands dropped, with what joins it to the next. A single operand is kept."""
    starts = [span(inner(operand)[0] if kind(operand).startswith("Logical") else operand)[0] for operand in operands]
    for number, operand in enumerate(operands if len(operands) > 1 else []):
        if number + 1 < len(operands):
            yield starts[number], starts[number + 1], ""
        else:
            yield span(operands[number - 1])[1], span(operand)[1], ""


def _flags(node: Any) -> Iterator[tuple[int, int]]:
    """The boolean expressions that an `extend` names."""
    if kind(node) != "ExtendOperator":
        return
    for child in node.children:
        if kind(child) == "NamedExpression" and len(child.children) == 2 and boolean(child.children[1]):
            yield span(child.children[1])


def _timespans(call: Any) -> Iterator[Any]:
    """The timespan in a call; for a name, the timespan that a `let` binds to it."""
    argument = inmost(call.children[2])
    if kind(argument) == "IdentifierName":
        value = let_value(argument)
        argument = inmost(value) if value is not None else argument
    if kind(argument) == "TimeSpanLiteralExpression" and multiplied(argument.getText(), 2):
        yield argument
