"""What the nodes of a parse tree are: lists of literals, booleans, timespans, names that a `let` binds."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from harness.kql.tree import children, inmost, inner, kind, walk
from harness.telemetry.schema import TABLES

_BOOLEAN_COLUMNS = {name for columns in TABLES.values() for name, type_ in columns.items() if type_ == "bool"}
_BOOLEAN_FUNCTIONS = {"not", "isempty", "isnotempty", "isnull", "isnotnull", "tobool", "set_has_element", "bag_has_key"}
# Levels of the grammar that are comparisons or conjunctions where they have more than one child.
_COMPARING = {"LogicalOrExpression", "LogicalAndExpression", "EqualityExpression", "RelationalExpression"}
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def elements(node: Any) -> list[Any]:
    """The literals of a list; empty for any other node."""
    return inner(node) if node is not None and kind(node) in ("ListEqualityExpression", "JsonArray") else []


def list_around(node: Any) -> Any:
    """The list that holds a literal, through the grammar's single-child levels; None where it is in no list."""
    above = node.parentCtx
    while above is not None and len(above.children) == 1:
        above = above.parentCtx
    return above if above is not None and kind(above) in ("ListEqualityExpression", "JsonArray") else None


def listed(operation: Any) -> list[Any]:
    """The literals of `has_any (…)` or `in (…)`, also where a `let` binds the list to a name. Empty if not all are."""
    literals = [inmost(element) for element in elements(operation)]
    if len(literals) == 1 and kind(literals[0]) == "IdentifierName":
        value = let_value(literals[0])
        literals = [inmost(value)] if value is not None else []
    if len(literals) == 1 and kind(literals[0]) == "DynamicLiteralExpression":
        literals = [inmost(element) for element in elements(inmost(literals[0].children[2]))]
    strings = ("StringLiteralExpression", "JsonString")
    return literals if all(kind(literal) in strings for literal in literals) else []


def let_value(name: Any) -> Any:
    """The value that a `let` binds to the name at a node; None where no `let` does, or several do."""
    root = name
    while root.parentCtx is not None:
        root = root.parentCtx
    values = [
        node.children[3]
        for node in walk(root)
        if kind(node) == "LetVariableDeclaration" and node.children[1].getText() == name.getText()
    ]
    return values[0] if len(values) == 1 else None


def boolean(node: Any) -> bool:
    """Whether an expression is certainly a boolean."""
    node = inmost(node)
    match kind(node):
        case "StringBinaryOperatorExpression" | "BooleanLiteralExpression":
            return True
        case "ParenthesizedExpression":
            return boolean(node.children[1])
        case "IdentifierName":
            return node.getText() in _BOOLEAN_COLUMNS
        case "NamedFunctionCallExpression":
            name, arguments = node.children[0].getText(), inner(node)[1:]
            return name in _BOOLEAN_FUNCTIONS or (
                name in ("iff", "iif", "case", "coalesce") and bool(arguments) and boolean(arguments[-1])
            )
        case level:
            return level in _COMPARING and len(children(node)) > 1


def multiplied(timespan: str, factor: float) -> str:
    """`24h` times 0.5 as `12h`, in the first unit that gives a whole number; empty for no plain timespan."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([dhms])", timespan)
    if not match:
        return ""
    seconds = Fraction(match[1]) * _SECONDS[match[2]] * Fraction(factor)
    units = [match[2], *_SECONDS]
    exact = [unit for unit in units if seconds / _SECONDS[unit] == seconds // _SECONDS[unit] > 0]
    return f"{seconds // _SECONDS[exact[0]]}{exact[0]}" if exact else ""


def uses(around: Any) -> list[str]:
    """The operators with this list on their right: its own, or all that use the name to which a `let` binds it.

    Empty where the list has any other use.
    """
    if kind(around) == "ListEqualityExpression":
        return [around.start.text]
    above = around
    while above is not None and kind(above) != "LetVariableDeclaration":
        if kind(above) == "ListEqualityExpression":  # `has_any (dynamic([…]))`
            return [above.start.text]
        above = above.parentCtx
    if above is None or inmost(above.children[3]) is not around.parentCtx.parentCtx:
        return []
    return _uses_of(above)


def _uses_of(declaration: Any) -> list[str]:
    name, root = declaration.children[1].getText(), declaration
    while root.parentCtx is not None:
        root = root.parentCtx
    operators = []
    for node in walk(root):
        if kind(node) != "IdentifierName" or node.getText() != name or declaration.children[1] in _above(node):
            continue
        operation = list_around(node)
        if operation is None or kind(operation) != "ListEqualityExpression":
            return []
        operators.append(str(operation.start.text))
    return operators


def _above(node: Any) -> list[Any]:
    nodes = []
    while node is not None:
        nodes.append(node)
        node = node.parentCtx
    return nodes
