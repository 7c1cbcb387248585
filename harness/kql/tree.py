"""The parse tree of a KQL text, by duckdb-kql's parser. Its node names are those of Microsoft's grammar (Kusto.g4)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import duckdb_kql

from harness.kql.engine import QueryFailed

_LONGEST = 100_000  # Sentinel accepts 10,000 characters; the parser needs a second for these


def require_short(kql: str) -> None:
    """Raise QueryFailed for a text that would take minutes to parse."""
    if len(kql) > _LONGEST:
        raise QueryFailed(f"a query has at most {_LONGEST} characters")


@functools.lru_cache(maxsize=8)
def parse(kql: str) -> Any:
    """The root of the tree, which is shared, so do not change it. Raises QueryFailed for a text that does not parse."""
    require_short(kql)
    try:
        return duckdb_kql.parse(kql).tree
    except duckdb_kql.KqlSyntaxError as error:
        raise QueryFailed(str(error)) from None
    except RecursionError:
        raise QueryFailed("it is nested too deep") from None


def walk(node: Any) -> Iterator[Any]:
    """A node and all nodes below it, in the order of the text."""
    yield node
    for child in children(node):
        yield from walk(child)


def children(node: Any) -> list[Any]:
    """The nodes and tokens right below a node; none below a token."""
    return getattr(node, "children", None) or []


def is_token(node: Any) -> bool:
    """Whether a node is a token, not a rule of the grammar."""
    return hasattr(node, "symbol")


def inner(node: Any) -> list[Any]:
    """The children that are not tokens."""
    return [child for child in children(node) if not is_token(child)]


def kind(node: Any) -> str:
    """The grammar's name of a node."""
    return type(node).__name__.removesuffix("Context")


def span(node: Any) -> tuple[int, int]:
    """Where a node's text begins and ends (exclusive), in characters."""
    return int(node.start.start), int(node.stop.stop) + 1


def inmost(node: Any) -> Any:
    """Down through the grammar's single-child levels, to the last node above a token or above several children."""
    while len(children(node)) == 1 and not is_token(node.children[0]):
        node = node.children[0]
    return node
