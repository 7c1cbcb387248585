"""A second engine, which does no more than it must: plain duckdb-kql without any shortcut, one connection a slice."""

from __future__ import annotations

import importlib.metadata
import re
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import duckdb_kql

from harness.kql.engine import Output, QueryFailed, Row
from harness.kql.limits import Limits
from harness.model.result import EngineFacts
from harness.telemetry.schema import SQL_TYPES, TABLES

_KQL_TYPES = {sql: kql for kql, sql in SQL_TYPES.items()} | {"INTEGER": "long", "HUGEINT": "long"}
_SCHEMA = {name: list(columns) for name, columns in TABLES.items()}
_UNKNOWN = re.compile(r'Referenced column "([^"]+)" not found')
_AT_ONCE = 200  # rows in one statement


class SecondEngine:
    """`now` is what KQL's `now()` and `ago()` count from."""

    def __init__(self, now: datetime, limits: Limits) -> None:
        self._now, self._limits = now, limits
        self.facts = EngineFacts(name="second", versions={"duckdb-kql": importlib.metadata.version("duckdb-kql")})
        self._slices: dict[str, duckdb.DuckDBPyConnection] = {}
        self._empty = _connected(limits)

    def put(self, slice_: str, tables: Mapping[str, Sequence[Row]]) -> None:
        """As in Engine."""
        if (before := self._slices.pop(slice_, None)) is not None:
            before.close()
        con = self._slices[slice_] = _connected(self._limits)
        for table, rows in tables.items():
            places = "({})".format(", ".join("?" for _ in TABLES[table]))
            for start in range(0, len(rows), _AT_ONCE):
                some = rows[start : start + _AT_ONCE]
                values = [row[name] for row in some for name in TABLES[table]]
                con.execute(f'INSERT INTO "{table}" VALUES {", ".join([places] * len(some))}', values)

    def run(self, kql: str, slice_: str, now: datetime | None = None) -> Output:
        """As in Engine."""
        con = self._slices.get(slice_, self._empty)
        clock = (now or self._now).astimezone(UTC).replace(tzinfo=None)
        timer = threading.Timer(self._limits.seconds, con.interrupt)
        timer.start()
        try:
            sql = duckdb_kql.to_sql(kql, schema=_SCHEMA, query_now=datetime.now(UTC), allow_write=False)
            cursor = con.execute(str(sql), dict.fromkeys(sql.parameters, clock))
            columns = {str(name): _KQL_TYPES.get(str(type_), "dynamic") for name, type_, *_ in cursor.description}
            return Output(columns, [dict(zip(columns, values, strict=True)) for values in cursor.fetchall()])
        except duckdb.InterruptException:
            raise self._limits.late("a query", lost=False) from None
        except duckdb.OutOfMemoryException:
            raise self._limits.large("a query") from None
        except duckdb.Error as error:
            message = str(error).splitlines()[0]
            unknown = _UNKNOWN.search(message)
            raise QueryFailed(message, unknown=unknown[1] if unknown else "") from None
        except duckdb_kql.KqlError as error:
            raise QueryFailed(str(error)) from None
        finally:
            timer.cancel()

    def origins(self, row: Row, slice_: str) -> None:
        """As in Engine: it is never known."""


def _connected(limits: Limits) -> duckdb.DuckDBPyConnection:
    """A connection with empty tables, which reaches nothing outside of itself."""
    config: dict[str, Any] = {"threads": 1, "memory_limit": f"{limits.memory}B", "enable_external_access": False}
    con = duckdb.connect(":memory:", config=config)
    con.execute("SET TimeZone = 'UTC'")
    for table, columns in TABLES.items():
        definition = ", ".join(f'"{name}" {SQL_TYPES[type_]}' for name, type_ in columns.items())
        con.execute(f'CREATE TABLE "{table}" ({definition})')
    return con
