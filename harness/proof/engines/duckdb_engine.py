"""KQL on DuckDB by `duckdb-kql` (pre-alpha, pinned): nothing else in Livefire knows of it."""

from __future__ import annotations

import functools
import importlib.metadata
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import duckdb_kql

from harness.model.result import EngineFacts
from harness.proof.engines.base import QueryFailed, Row
from harness.proof.engines.folding import drop_json_branches, fold
from harness.proof.tables.schema import HIDDEN, SLICE, SQL_TYPES, TABLES

_ALL = "livefire_all_{}"
_OUTPUT = "livefire_output"
# Columns that are strings in each table that has them.
_STRINGS = {c for columns in TABLES.values() for c, t in columns.items() if t == "string"}
_STRINGS -= {c for columns in TABLES.values() for c, t in columns.items() if t != "string"}
_KQL_TYPES = {sql: kql for kql, sql in SQL_TYPES.items()} | {"INTEGER": "long", "HUGEINT": "long"}


class DuckDbEngine:
    """An engine over one recording. `now` is what KQL's `now()` and `ago()` count from: the recording's own time."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._con = duckdb.connect(":memory:", config={"threads": 2})
        self._con.execute("SET TimeZone = 'UTC'")
        versions = {name: importlib.metadata.version(name) for name in ("duckdb", "duckdb-kql")}
        self.facts = EngineFacts(name="duckdb", versions=versions)
        self._schema = {name: list(columns) for name, columns in TABLES.items()}
        self._current: str | None = None
        for name, columns in TABLES.items():
            definition = ", ".join(f'"{c}" {SQL_TYPES[t]}' for c, t in (columns | HIDDEN).items())
            self._con.execute(f'CREATE TABLE "{_ALL.format(name)}" ({definition})')
        self._select("")

    def load(self, folder: Path) -> None:
        """Load the tables that are there; a table without a file stays empty. Once only: then the engine is shut in.

        A rule is somebody else's text, and DuckDB would take a name such as `['/etc/passwd']` for a file to read.
        """
        for name, columns in TABLES.items():
            path = folder / f"{name}.parquet"
            if path.exists():
                casts = ", ".join(f'CAST("{c}" AS {SQL_TYPES[t]}) AS "{c}"' for c, t in (columns | HIDDEN).items())
                source = str(path).replace("'", "''")
                self._con.execute(f"INSERT INTO \"{_ALL.format(name)}\" SELECT {casts} FROM read_parquet('{source}')")
        self._con.execute("SET enable_external_access = false")

    def query(self, kql: str, slice_: str) -> list[Row]:
        """As in Engine."""
        sql, parameters = self._translate(kql)
        self._select(slice_)
        return self._rows(sql, parameters)

    def columns(self, kql: str) -> dict[str, str]:
        """As in Engine."""
        sql, parameters = self._translate(kql)
        self._select("")
        described = self._execute(f"DESCRIBE ({sql})", parameters).fetchall()
        return {str(row[0]): _KQL_TYPES.get(str(row[1]), "dynamic") for row in described}

    def tables(self, kql: str) -> set[str]:
        """As in Engine."""
        sql, _ = self._translate(kql)
        return {name for name in TABLES if f'"{name}"' in sql}

    def matching(self, table: str, slice_: str, row: Row) -> list[Row]:
        """As in Engine."""
        shared = [name for name in TABLES[table] if name in row]
        if not shared:
            return []
        where = " AND ".join(f'CAST("{name}" AS VARCHAR) IS NOT DISTINCT FROM CAST(? AS VARCHAR)' for name in shared)
        values = [_plain(row[name]) for name in shared]
        sql = f'SELECT * FROM "{_ALL.format(table)}" WHERE "{SLICE}" = ? AND {where}'
        return self._rows(sql, [slice_, *values])

    def put(self, table: str, slice_: str, rows: list[Row]) -> None:
        """As in Engine."""
        for name in TABLES:
            self._con.execute(f'DELETE FROM "{_ALL.format(name)}" WHERE "{SLICE}" = ?', [slice_])
        names = [*TABLES[table], *HIDDEN]
        marks = ", ".join("?" for _ in names)
        for row in rows:
            values = [_plain((row | {SLICE: slice_})[name]) for name in names]
            self._con.execute(f'INSERT INTO "{_ALL.format(table)}" VALUES ({marks})', values)

    def over(self, rows: list[Row], kql: str, lets: str = "") -> list[Row]:
        """As in Engine."""
        if not rows:
            return []
        names = list(rows[0])
        definition = ", ".join(f'"{name}" {_sql_type([row[name] for row in rows])}' for name in names)
        self._con.execute(f'CREATE OR REPLACE TABLE "{_OUTPUT}" (livefire_row BIGINT, {definition})')
        marks = ", ".join("?" for _ in range(len(names) + 1))
        for number, row in enumerate(rows):
            values = [number, *(_plain(row[name]) for name in names)]
            self._con.execute(f'INSERT INTO "{_OUTPUT}" VALUES ({marks})', values)
        schema = {_OUTPUT: ["livefire_row", *names]}
        sql, parameters = self._translate(f"{lets}{_OUTPUT}\n{kql}\n| project livefire_row", schema)
        return [rows[found["livefire_row"]] for found in self._rows(sql, parameters)]

    def count(self, slice_: str) -> dict[str, int]:
        """As in Engine."""
        self._select(slice_)
        counts = {name: self._con.execute(f'SELECT count(*) FROM "{name}"').fetchone() for name in TABLES}
        return {name: int(found[0]) for name, found in counts.items() if found}

    def _select(self, slice_: str) -> None:
        """Make each table's name mean one slice of it, without the hidden columns."""
        if slice_ == self._current:
            return
        quoted = slice_.replace("'", "''")
        for name in TABLES:
            self._con.execute(
                f'CREATE OR REPLACE VIEW "{name}" AS SELECT * EXCLUDE ({", ".join(HIDDEN)}) '
                f'FROM "{_ALL.format(name)}" WHERE "{SLICE}" = \'{quoted}\''
            )
        self._current = slice_

    def _translate(self, kql: str, schema: dict[str, list[str]] | None = None) -> tuple[str, dict[str, Any]]:
        sql, names = _translated(kql, json.dumps(schema or self._schema))
        if _ALL.format("") in sql.lower():  # a rule that names it would see the other slices
            raise QueryFailed(f"names that begin with '{_ALL.format('')}' are the engine's own")
        return sql, {name: self._now.astimezone(UTC).replace(tzinfo=None) for name in names}

    def _execute(self, sql: str, parameters: Any) -> Any:
        try:
            return self._con.execute(sql, parameters)
        except duckdb.Error as error:
            raise QueryFailed(str(error).splitlines()[0]) from None

    def _rows(self, sql: str, parameters: Any) -> list[Row]:
        try:
            cursor = self._execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
        except duckdb.Error as error:
            raise QueryFailed(str(error).splitlines()[0]) from None


@functools.lru_cache(maxsize=1024)
def _translated(kql: str, schema: str) -> tuple[str, tuple[str, ...]]:
    """The SQL of a query and the names of its parameters, of which the clock is the only one. Raises QueryFailed."""
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
    return fold(drop_json_branches(str(translated), _STRINGS)), tuple(translated.parameters)


def _position(span: Any) -> tuple[int, int]:
    """(line, column), both from 1: duckdb-kql counts columns from 0."""
    return (span.line, span.column + 1) if span else (0, 0)


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _sql_type(values: list[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        return "BIGINT"
    if kinds == {datetime}:
        return "TIMESTAMP"
    return "DOUBLE" if kinds and kinds <= {int, float} else "VARCHAR"
