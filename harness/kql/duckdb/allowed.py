"""What the SQL of a query may read: the tables only, since a rule may come from anyone.

The engine has a catalogue (`sqlite_master`, `information_schema`, `duckdb_tables()`) that shows which slice is judged,
and it takes a name such as `['/etc/passwd']` for a file. So DuckDB's own parse tree of the SQL that will run is
searched for what it reads. There each `let` is a common table expression. Anything that is neither a common table
expression nor an allowed table is refused, by name and place.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import duckdb

from harness.kql.engine import QueryFailed
from harness.kql.tree import is_token, parse, walk

# Table functions in the SQL of duckdb-kql: they make rows of their arguments.
_TABLE_FUNCTIONS = frozenset(("unnest", "range", "generate_series", "json_each", "json_tree"))
# Scalar functions that read more than their arguments; the SQL of duckdb-kql has none of them.
_FORBIDDEN = frozenset(
    """current_catalog current_database current_query current_role current_schema current_schemas current_setting
    current_user getenv getvariable in_search_path nextval currval query query_table session_user set_config
    txid_current user version write_log""".split()
)
_FORBIDDEN_BEGINNINGS = ("duckdb_", "pg_", "pragma_", "read_", "sqlite_", "parquet_", "sniff_", "has_")
# Sources of rows, as the tree names them. Any other is refused.
_SOURCES = frozenset(("BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST"))


@dataclass
class _Read:
    tables: set[tuple[str, ...]] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)


def tables_read(con: duckdb.DuckDBPyConnection, sql: str, kql: str, allowed: Collection[str]) -> frozenset[str]:
    """The tables that a statement reads. Raises QueryFailed for a statement that reads more than `allowed` tables."""
    read = _Read()
    _go(_syntax_tree(con, sql), frozenset(), read)
    for path in sorted(read.tables):
        if len(path) != 1 or path[0] not in allowed:
            raise no_table(".".join(path), kql, allowed)
    for name in sorted(read.functions):
        raise QueryFailed(f"'{name}' may not be used in a query", *place(kql, [name]))
    return frozenset(path[0] for path in read.tables)


def no_table(name: str, kql: str, allowed: Iterable[str]) -> QueryFailed:
    """The error for a name that is no table."""
    known = sorted(table for table in allowed if not table.startswith("livefire_"))
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"the tables are {', '.join(known)}"
    words = [name, *reversed(name.split("."))]
    return QueryFailed(f"'{name}' is no table that a query may read; {hint}", *place(kql, words))


def place(kql: str, words: Iterable[str]) -> tuple[int, int]:
    """The (line, column), from 1, of the first of these words that the text has; (0, 0) where it has none."""
    try:
        tokens = [node.symbol for node in walk(parse(kql)) if is_token(node)]
    except QueryFailed:
        return 0, 0
    for word in words:
        for token in tokens:
            if token.text.strip("'\"[]") == word:
                return int(token.line), int(token.column) + 1
    return 0, 0


def _go(node: Any, scope: frozenset[str], read: _Read) -> None:
    """Note what is read below a node. `scope` are the visible common table expressions, in lower case."""
    if isinstance(node, list):
        for child in node:
            _go(child, scope, read)
    if not isinstance(node, dict):
        return
    if "cte_map" in node:
        for entry in node["cte_map"]["map"]:  # each sees the earlier ones, and not itself
            _go(entry["value"], scope, read)
            scope |= {entry["key"].lower()}
    if node.get("type") == "RECURSIVE_CTE_NODE":
        scope |= {node["cte_name"].lower()}
    if "from_table" in node:
        _require_known(node["from_table"])
    _note(node, scope, read)
    for key, value in node.items():
        if key != "cte_map":
            _go(value, scope, read)


def _note(node: dict[str, Any], scope: frozenset[str], read: _Read) -> None:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        path = tuple(node["qualified_name"]["path"])
        if len(path) != 1 or path[0].lower() not in scope:
            read.tables.add(path)
    elif kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in _TABLE_FUNCTIONS:
            read.functions.add(name)
    elif kind == "JOIN":
        for side in ("left", "right"):
            _require_known(node[side])
    elif node.get("class") in ("FUNCTION", "WINDOW"):
        name = str(node.get("function_name", "")).lower()
        if name in _FORBIDDEN or name.startswith(_FORBIDDEN_BEGINNINGS):
            read.functions.add(name)


def _require_known(source: Any) -> None:
    if source and source["type"] not in _SOURCES:
        raise QueryFailed(f"rows can't come from {source['type']} in a query")


def _syntax_tree(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """DuckDB's tree of one SELECT statement. Raises QueryFailed for anything else."""
    text = con.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree: Any = json.loads(text[0]) if text else {"error": True}
    if tree["error"] or len(tree["statements"]) != 1:
        reason = str(tree.get("error_message") or "it must be one statement").splitlines()[0]
        raise QueryFailed(f"it is no query: {reason}")
    return tree["statements"][0]["node"]
