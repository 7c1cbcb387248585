"""Mutants that are proven to give the same rows as the rule. Without a proof nothing is claimed.

`has` needs a term boundary at each edge of the needle that is a letter or digit, and at no other edge; letter case is
ignored by `has`, `has_any`, `has_all`, `contains`, `in~` and `=~` (measured on the engine, see tests/unit).
"""

from __future__ import annotations

from typing import Any

from harness.kql.tree import children, inmost, inner, is_token, kind, parse, span, walk
from harness.study.mutation.operators import Mutation
from harness.study.mutation.shapes import elements, list_around, listed, uses


def equivalence(mutation: Mutation, kql: str) -> str:
    """Why a mutant of a query gives the same rows, whatever the tables hold; empty where that is not proven."""
    match mutation.operator:
        case "drop-literal":
            return _dropped(mutation, kql)
        case "change-operator":
            return _changed(mutation, kql)
        case "loosen-terms":
            return _loosened(mutation, kql)
        case "drop-operand":
            return _repeated(mutation, kql)
        case _:
            return ""


def _dropped(mutation: Mutation, kql: str) -> str:
    """A dropped literal whose matches the other literals of its list cover, in each operation that uses the list."""
    node = _literal(mutation, kql)
    if node is None:
        return ""
    operations = uses(list_around(node))
    literal, others = _value(node), [_value(sibling) for sibling in _siblings(node)]
    if literal is None or not operations:
        return ""
    known = [text for text in others if text is not None]
    if all(_is_redundant(literal, known, operation) for operation in operations):
        return "another element matches all that this one does"
    return ""


def _is_redundant(literal: str, others: list[str], operation: str) -> bool:
    folded = [_folded(text) for text in others]
    match operation:
        case "has_any":
            return any(implies(_folded(literal), text) for text in folded)
        case "has_all":
            return any(implies(text, _folded(literal)) for text in folded)
        case "in~" | "!in~":
            return _folded(literal) in folded
        case "in" | "!in":
            return literal in others
        case _:
            return False


def _changed(mutation: Mutation, kql: str) -> str:
    node = _at(mutation.offset, kql)
    values = [_value(operand) for operand in _compared(node)]
    known = [value for value in values if value is not None]
    if node is None or not known or len(known) < len(values):
        return ""
    match mutation.before, mutation.after:
        case ("has_any", "has_all") | ("has_all", "has_any") if len({_folded(value) for value in known}) == 1:
            return "the list has one element"
        case ("in~", "in") | ("!in~", "!in") | ("=~", "==") if not any(_has_case(value) for value in known):
            return "no element has a letter"
        case ("has", "contains") | ("contains", "has") if not any(_bounded(value) for value in known):
            return "neither edge is a letter or digit, so it needs no boundary"
        case _:
            return ""


def _loosened(mutation: Mutation, kql: str) -> str:
    for node in walk(parse(kql)):
        if kind(node) == "EqualityExpression" and span(node)[0] == mutation.offset and len(node.children) == 2:
            values = [_value(element) for element in listed(node.children[1])]
            if values and not any(value is None or _bounded(value) for value in values):
                return "no edge of any element is a letter or digit, so none needs a boundary"
    return ""


def _repeated(mutation: Mutation, kql: str) -> str:
    """A dropped operand that the expression holds twice."""
    dropped = "".join(mutation.before.split())
    for node in walk(parse(kql)):
        if kind(node) in ("LogicalAndExpression", "LogicalOrExpression") and len(children(node)) > 1:
            start, stop = span(node)
            if not start <= mutation.offset < stop:
                continue
            for child in children(node):
                operand = inner(child)[0] if kind(child).endswith("Operation") else child
                texts = [(inner(p)[0] if kind(p).endswith("Operation") else p).getText() for p in children(node)]
                word = "and" if kind(node) == "LogicalAndExpression" else "or"
                cut = {f"{operand.getText()}{word}", f"{word}{operand.getText()}"}
                inside = mutation.offset <= span(operand)[0] < mutation.offset + len(mutation.before)
                if inside and dropped in cut and texts.count(operand.getText()) > 1:
                    return "the same condition is in the expression twice"
    return ""


def _literal(mutation: Mutation, kql: str) -> Any:
    """The node of the dropped literal."""
    stop = mutation.offset + len(mutation.before)
    for node in walk(parse(kql)):
        if kind(node) in ("StringLiteralExpression", "JsonString"):
            start, end = span(node)
            if mutation.offset <= start and end <= stop:
                return node
    return None


def _siblings(literal: Any) -> list[Any]:
    """The other elements of a literal's list."""
    return [element for element in map(inmost, elements(list_around(literal))) if element is not literal]


def _at(offset: int, kql: str) -> Any:
    """The word of the query that begins at an offset."""
    return next((node for node in walk(parse(kql)) if is_token(node) and node.symbol.start == offset), None)


def _compared(word: Any) -> list[Any]:
    """The operands that an operator, given by its word, compares with: literals, or nodes without a value."""
    if word is None:
        return []
    operation = word.parentCtx
    if kind(operation) == "StringBinaryOperator":
        operation = operation.parentCtx
    if kind(operation) == "ListEqualityExpression":
        return listed(operation)
    return [inmost(inner(operation)[-1])] if inner(operation) else []


def _value(node: Any) -> str | None:
    """The text of a string literal; None for a literal with a backslash, or for no string."""
    text = node.getText()
    if kind(node) not in ("StringLiteralExpression", "JsonString") or "\\" in text or text[:1] not in "\"'":
        return None
    return str(text[1:-1])


def _folded(text: str) -> str:
    """A text without letter case; only ASCII, where all engines agree on it."""
    return text.lower() if text.isascii() else text


def _has_case(text: str) -> bool:
    return not text.isascii() or text.lower() != text.upper()


def _bounded(needle: str) -> bool:
    """Whether a needle needs a term boundary at an edge, or has letters with other forms outside of ASCII.

    Regular expressions take the Kelvin sign for a k and the long s for an s; other comparisons do not.
    """
    known = needle.isascii() and not set("ks") & set(needle.lower())
    return not needle or not known or needle[0].isalnum() or needle[-1].isalnum()


def implies(literal: str, inner_text: str) -> bool:
    """Whether every text that has `literal` has `inner_text`: inside, with a boundary at each edge that needs one."""
    if not inner_text:
        return True
    for start in range(len(literal) - len(inner_text) + 1):
        stop = start + len(inner_text)
        if literal[start:stop] != inner_text:
            continue
        left = start == 0 or not inner_text[0].isalnum() or not literal[start - 1].isalnum()
        right = stop == len(literal) or not inner_text[-1].isalnum() or not literal[stop].isalnum()
        if left and right:
            return True
    return False
