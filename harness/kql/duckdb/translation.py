"""KQL as SQL by `duckdb-kql`, with its errors as QueryFailed with their places."""

from __future__ import annotations

import functools
import json
import re
from datetime import UTC, datetime
from typing import Any

import duckdb_kql

from harness.kql.duckdb.allowed import no_table
from harness.kql.duckdb.folding import drop_json_branches, drop_switches, fold, stream_ranges
from harness.kql.engine import QueryFailed
from harness.kql.tree import require_short

_UNKNOWN_TABLE = re.compile(r"schema error for '(.+?)' \(unknown table")


@functools.lru_cache(maxsize=1024)
def translate(
    kql: str,
    schema: str,
    strings: frozenset[str],
    dynamics: frozenset[str] = frozenset(),
    *,
    folded: bool = True,
) -> tuple[str, tuple[str, ...]]:
    """The SQL of a query and the names of its parameters; the clock is the only one. Raises QueryFailed.

    `allowed.tables_read` says what the SQL reads.
    `schema` is JSON: the columns of each table. `strings` are columns that hold text in every table that has them,
    `dynamics` columns that hold JSON. `folded`: the SQL is made cheap to plan.
    """
    require_short(kql)
    if kql.lstrip().startswith("."):
        raise QueryFailed("a control command is no query", 1, len(kql) - len(kql.lstrip()) + 1)
    try:
        clock = datetime.now(UTC)
        translated = duckdb_kql.to_sql(kql, schema=json.loads(schema), query_now=clock, allow_write=False)
    except duckdb_kql.KqlSyntaxError as error:
        first = error.diagnostics[0] if error.diagnostics else None
        message = first.message if first else str(error)
        raise QueryFailed(f"KQL syntax: {message}", *_position(first and first.span)) from None
    except duckdb_kql.KqlUnsupportedError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise QueryFailed(f"not supported by this engine: {error.construct}{hint}", *_position(error.span)) from None
    except duckdb_kql.KqlError as error:
        if unknown := _UNKNOWN_TABLE.search(str(error)):
            raise no_table(unknown[1], kql, json.loads(schema)) from None
        raise QueryFailed(str(error)) from None
    except (AssertionError, RecursionError):  # bugs of duckdb-kql, for constructs that it does not know
        raise QueryFailed("not supported by this engine: it can't be translated") from None
    sql = str(translated)
    if folded:
        sql = fold(drop_switches(drop_json_branches(sql, set(strings)), set(strings), set(dynamics)))
    return stream_ranges(sql), tuple(translated.parameters)


def _position(span: Any) -> tuple[int, int]:
    """(line, column), both from 1: duckdb-kql counts columns from 0."""
    return (span.line, span.column + 1) if span else (0, 0)
