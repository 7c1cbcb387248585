"""The connection to DuckDB, with the engine's clock, and DuckDB's errors as QueryFailed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import duckdb

from harness.kql.duckdb.store import dicts
from harness.kql.engine import QueryFailed, Row
from harness.kql.limits import Limits
from harness.telemetry.schema import SQL_TYPES

_KQL_TYPES = {sql: kql for kql, sql in SQL_TYPES.items()} | {"INTEGER": "long", "HUGEINT": "long"}
_UNKNOWN = re.compile(r'Referenced column "([^"]+)" not found')
# DuckDB fetches nothing, loads no extension, and writes no file. Store.shut_in keeps rules from reading files.
_CONFIG: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "temp_directory": "",
}


class Database:
    """A database in memory. `now` is a query's clock, unless another time is given."""

    def __init__(self, now: datetime, limits: Limits) -> None:
        self._now = now
        config = _CONFIG | {"threads": limits.threads, "memory_limit": f"{limits.memory}B"}
        self.con = duckdb.connect(":memory:", config=config)
        self.con.execute("SET TimeZone = 'UTC'")

    def execute(self, sql: str, parameters: Any) -> Any:
        """The cursor of a statement. Raises QueryFailed."""
        try:
            return self.con.execute(sql, parameters)
        except duckdb.OutOfMemoryException:  # the guard reports it
            raise
        except duckdb.Error as error:
            raise _failed(error) from None

    def rows(self, sql: str, parameters: Any) -> list[Row]:
        """The rows of a statement. Raises QueryFailed."""
        return self.output(sql, parameters)[1]

    def output(self, sql: str, parameters: Any) -> tuple[dict[str, str], list[Row]]:
        """The columns of a statement, with their KQL types, and its rows. Raises QueryFailed."""
        cursor = self.execute(sql, parameters)
        columns = {str(column[0]): kql_type(column[1]) for column in cursor.description}
        try:
            return columns, dicts(cursor)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise _failed(error) from None

    def clock(self, parameters: Iterable[str], now: datetime | None = None) -> dict[str, Any]:
        """The parameters of a query; the clock is the only one."""
        return {name: (now or self._now).astimezone(UTC).replace(tzinfo=None) for name in parameters}


def kql_type(sql: Any) -> str:
    """The KQL type of a column of this SQL type."""
    return _KQL_TYPES.get(str(sql), "dynamic")


def _failed(error: duckdb.Error) -> QueryFailed:
    message = str(error).splitlines()[0]
    unknown = _UNKNOWN.search(message)
    return QueryFailed(message, unknown=unknown[1] if unknown else "")
