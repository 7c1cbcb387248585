"""What nodes of a query's parse tree are: lists of literals, truth values, timespans, names that a `let` gives."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from harness.kql.tree import children, inmost, inner, kind, walk
from harness.telemetry.schema import TABLES

_BOOLEAN_COLUMNS = {name for columns in TABLES.values() for name, type_ in columns.items() if type_ == "bool"}
_BOOLEAN_FUNCTIONS = {"not", "isempty", "isnotempty", "isnull", "isnotnull", "tobool", "set_has_element", "bag_has_key"}
# Levels of the grammar that, with more than one child, compare or join.
_COMPARING = {"LogicalOrExpression", "LogicalAndExpression", "EqualityExpression", "RelationalExpression"}
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def elements(node: Any) -> list[Any]:
    """The literals of a list; empty for a node that is none."""
    return inner(node) if node is not None and kind(node) in ("ListEqualityExpression", "JsonArray") else []


def list_around(node: Any) -> Any:
    """The list whose element a literal is, through the grammar's single-child levels; None where it is in none."""
    above = node.parentCtx
    while above is not None and len(above.children) == 1:
        above = above.parentCtx
    return above if above is not None and kind(above) in ("ListEqualityExpression", "JsonArray") else None


def listed(operation: Any) -> list[Any]:
    """The literals of `has_any (…)` or `in (…)`, also where a `let` binds the list to a name. Empty if not all are."""
    found = [inmost(each) for each in elements(operation)]
    if len(found) == 1 and kind(found[0]) == "IdentifierName":
        value = let_value(found[0])
        found = [inmost(value)] if value is not None else []
    if len(found) == 1 and kind(found[0]) == "DynamicLiteralExpression":
        found = [inmost(each) for each in elements(inmost(found[0].children[2]))]
    literals = ("StringLiteralExpression", "JsonString")
    return found if all(kind(each) in literals for each in found) else []


def let_value(name: Any) -> Any:
    """What a `let` binds to the name at a node; None where none does, or more than one."""
    root = name
    while root.parentCtx is not None:
        root = root.parentCtx
    found = [
        node.children[3]
        for node in walk(root)
        if kind(node) == "LetVariableDeclaration" and node.children[1].getText() == name.getText()
    ]
    return found[0] if len(found) == 1 else None


def boolean(node: Any) -> bool:
    """Whether an expression surely gives a truth value."""
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
        case other:
            return other in _COMPARING and len(children(node)) > 1


def multiplied(timespan: str, factor: float) -> str:
    """`24h` times 0.5 as `12h`, in the largest unit that gives a whole number; empty for what is no plain timespan."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([dhms])", timespan)
    if not match:
        return ""
    seconds = Fraction(match[1]) * _SECONDS[match[2]] * Fraction(factor)
    units = [match[2], *_SECONDS]
    whole = [unit for unit in units if seconds / _SECONDS[unit] == seconds // _SECONDS[unit] > 0]
    return f"{seconds // _SECONDS[whole[0]]}{whole[0]}" if whole else ""


def uses(around: Any) -> list[str]:
    """The operators that a list is the right side of: its own, or for a list that a `let` binds, all that name it.

    Empty where the list is used for anything else.
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
    found = []
    for node in walk(root):
        if kind(node) != "IdentifierName" or node.getText() != name or declaration.children[1] in _above(node):
            continue
        operation = list_around(node)
        if operation is None or kind(operation) != "ListEqualityExpression":
            return []
        found.append(str(operation.start.text))
    return found


def _above(node: Any) -> list[Any]:
    found = []
    while node is not None:
        found.append(node)
        node = node.parentCtx
    return found
