"""The stored tables, one Parquet file each, as DuckDB reads them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import duckdb

from harness.recording import layout
from harness.telemetry.schema import HIDDEN, SQL_TYPES, TABLES, Row, Tables


class OtherColumns(Exception):
    """A table's file doesn't have the columns of this version. The text names the table and what is wrong."""


@contextlib.contextmanager
def stored_rows(con: duckdb.DuckDBPyConnection, root: layout.Root) -> Iterator[dict[str, str]]:
    """The SQL that gives the rows of each table that is stored below `root`, for as long as the block runs.

    Raises OtherColumns for a table that lacks a column or can't be read.
    """
    with contextlib.ExitStack() as stack:
        paths: dict[str, str] = {}
        for name in TABLES:
            file = layout.copy(root, layout.table_file(name))
            if file is not None:
                # the bytes that were hashed, by a path that DuckDB can't take for a pattern or a partition
                paths[name] = f"/dev/fd/{stack.enter_context(file).fileno()}"
        for name, path in paths.items():
            _require_columns(con, name, path)
        yield {name: _selection(name, path) for name, path in paths.items()}


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Raises OtherColumns where the block can't read the rows of a table."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise OtherColumns(f"{name} is stored in another form: {str(error).splitlines()[0]}") from None


def read_tables(root: layout.Root) -> Tables:
    """The rows of the tables that are stored below `root`, hidden columns included. Raises OtherColumns."""
    tables: Tables = {}
    with duckdb.connect(":memory:", config={"autoload_known_extensions": False}) as con, stored_rows(con, root) as sql:
        for name, selection in sql.items():
            with reading(name):
                tables[name] = _dicts(con.execute(selection))
    return tables


def _require_columns(con: duckdb.DuckDBPyConnection, name: str, path: str) -> None:
    try:
        columns = con.execute(f"SELECT DISTINCT name FROM parquet_schema('{path}')").fetchall()
    except duckdb.Error as error:
        raise OtherColumns(f"{name}.parquet: {str(error).splitlines()[0]}") from None
    missing = (TABLES[name] | HIDDEN).keys() - {column for (column,) in columns}
    if missing:
        raise OtherColumns(f"{name} is stored without {min(missing)}")


def _selection(name: str, path: str) -> str:
    casts = ", ".join(f'CAST("{c}" AS {SQL_TYPES[t]}) AS "{c}"' for c, t in (TABLES[name] | HIDDEN).items())
    return f"SELECT {casts} FROM read_parquet('{path}', hive_partitioning = false)"


def _dicts(cursor: Any) -> list[Row]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
