"""KQL as SQL by `duckdb-kql`, with its errors as QueryFailed, at their places."""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from typing import Any

import duckdb_kql

from harness.proof.engines.base import QueryFailed
from harness.proof.engines.folding import drop_json_branches, drop_switches, fold


@functools.lru_cache(maxsize=1024)
def translate(
    kql: str, schema: str, strings: frozenset[str], dynamics: frozenset[str] = frozenset()
) -> tuple[str, tuple[str, ...]]:
    """The SQL of a query and the names of its parameters, of which the clock is the only one. Raises QueryFailed.

    `schema` is JSON: the columns of each table. `strings` are columns that hold text in each table that has them,
    `dynamics` those that hold JSON.
    """
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
        raise QueryFailed(str(error)) from None
    sql = drop_switches(drop_json_branches(str(translated), set(strings)), set(strings), set(dynamics))
    return fold(sql), tuple(translated.parameters)


def _position(span: Any) -> tuple[int, int]:
    """(line, column), both from 1: duckdb-kql counts columns from 0."""
    return (span.line, span.column + 1) if span else (0, 0)
