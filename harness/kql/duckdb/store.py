"""The tables of one recording in DuckDB: one table for all slices, numbered rows, and views that queries read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb

from harness.kql.capabilities import Span
from harness.kql.duckdb.carrying import EVERY, OWN, ROW
from harness.kql.duckdb.query_guard import require_room
from harness.kql.engine import NOTHING, Row
from harness.recording.layout import Root
from harness.telemetry.schema import HIDDEN, RECORD, SLICE, SQL_TYPES, TABLES
from harness.telemetry.stored_tables import OtherColumns, reading, stored_rows

_AT_ONCE = 500  # rows
# Python has no time outside of these years.
_SPANS = f"""
SELECT "{SLICE}", count(*), min(t), coalesce(arg_min("{RECORD}", t), ''), max(t), coalesce(arg_max("{RECORD}", t), ''),
    coalesce(any_value("{RECORD}") FILTER (t IS NULL), '')
FROM (SELECT *, CASE WHEN TimeGenerated < '0001-01-01' THEN '0001-01-01' WHEN TimeGenerated > '9999-12-31'
    THEN '9999-12-31' ELSE TimeGenerated END AS t FROM "{{}}")
GROUP BY ALL"""
ALL = f"{OWN}all_{{}}"  # a table with the rows of all slices and all its hidden columns


class Store:
    """Tables by slice. `age` counts the puts; `aged` is the last put that changed a slice."""

    def __init__(self, con: duckdb.DuckDBPyConnection, memory: int) -> None:
        """`memory` is how many bytes a query may have."""
        self._con, self._memory = con, memory
        self._shut_in = False
        self._current: object = self  # nothing is selected yet
        self._places: dict[int, tuple[str, str]] = {}  # a row's number → its table and slice
        self._rows: dict[int, Row] = {}
        self._aged: dict[str, int] = {}
        self._slices: set[str] = set()
        self._together: dict[str, tuple[str, ...]] = {}
        self._counts: dict[str, dict[str, int]] = {}
        self._counted: tuple[int, set[str]] | None = None  # the age and the slices when rows were last counted
        self.age = 0
        for name, columns in TABLES.items():
            definition = ", ".join(f'"{c}" {SQL_TYPES[t]}' for c, t in (columns | HIDDEN).items())
            con.execute(f'CREATE TABLE "{ALL.format(name)}" ({definition}, "{ROW}" BIGINT)')
            con.execute(
                f'CREATE VIEW "{EVERY.format(name)}" AS '
                f'SELECT * EXCLUDE ({", ".join(HIDDEN)}) FROM "{ALL.format(name)}"'
            )
        self.select(NOTHING)

    def load(self, root: Root) -> None:
        """Load the stored tables; one without a file stays empty. Call it before any KQL: DuckDB is then shut in."""
        with stored_rows(self._con, root) as selections:
            try:
                for name, selection in selections.items():
                    self._load(name, selection)
            except OtherColumns:
                self._forget()
                raise
        self.shut_in()

    def _forget(self) -> None:
        for name in TABLES:
            self._con.execute(f'DELETE FROM "{ALL.format(name)}"')
        self._places, self._slices = {}, set()

    def _load(self, name: str, selection: str) -> None:
        number = f"row_number() OVER () - 1 + {len(self._places)}"
        with reading(name):
            self._con.execute(f'INSERT INTO "{ALL.format(name)}" SELECT *, {number} FROM ({selection})')
        cursor = self._con.execute(f'SELECT "{ROW}", "{SLICE}" FROM "{ALL.format(name)}"')
        numbers = values_of(cursor)
        self._places |= {number: (name, slice_) for number, slice_ in numbers}
        self._slices |= {slice_ for _, slice_ in numbers}

    def shut_in(self) -> None:
        """Keep DuckDB from reading anything outside of itself, for good.

        A rule may come from anyone. DuckDB would take a name such as `['/etc/passwd']` for a file to read, and a name
        that begins with https:// for an extension to fetch. A query's memory is added to that of the loaded tables.
        """
        if not self._shut_in:
            used = self._con.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()[0][0]
            memory = f"memory_limit = '{int(used or 0) + self._memory}B'"
            for setting in (memory, "enable_external_access = false", "lock_configuration = true"):
                self._con.execute(f"SET {setting}")
            self._shut_in = True

    def put(self, slice_: str, tables: Mapping[str, Sequence[Row]]) -> None:
        """As in Engine."""
        self.age += 1
        self._aged[slice_] = self.age
        self._slices.add(slice_)
        for name in TABLES:
            self._con.execute(f'DELETE FROM "{ALL.format(name)}" WHERE "{SLICE}" = ?', [slice_])
        for table, rows in tables.items():
            names = [*TABLES[table], *HIDDEN]
            places = ", ".join("?" for _ in range(len(names) + 1))
            for row in rows:
                number = len(self._places)
                self._places[number] = (table, slice_)
                values = [plain((row | {SLICE: slice_})[name]) for name in names]
                self._con.execute(f'INSERT INTO "{ALL.format(table)}" VALUES ({places})', [*values, number])

    def select(self, slice_: str) -> None:
        """Make the view of each table show one slice, without the hidden columns."""
        if slice_ == self._current:
            return
        self._current = self  # in case this is interrupted
        which = "false" if slice_ == NOTHING else self._of(slice_)
        for name in TABLES:
            self._con.execute(
                f'CREATE OR REPLACE VIEW "{name}" AS SELECT * EXCLUDE ({", ".join([*HIDDEN, ROW])}) '
                f'FROM "{ALL.format(name)}" WHERE {which}'
            )
        self._current = slice_

    def place(self, number: int) -> tuple[str, str]:
        """The table and the slice of a row."""
        return self._places[number]

    def kept(self, number: int) -> Row | None:
        """A row that was read before; None where it was not."""
        return self._rows.get(number)

    def row(self, number: int) -> Row:
        """A row of a table, hidden columns included."""
        if number not in self._rows:
            sql = f'SELECT * EXCLUDE ({ROW}) FROM "{ALL.format(self._places[number][0])}" WHERE "{ROW}" = ?'
            (self._rows[number],) = dicts(self._con.execute(sql, [number]))
        return self._rows[number]

    def numbered(self, table: str, slice_: str) -> dict[int, Row]:
        """The rows of a table in a slice, hidden columns included, by their numbers."""
        sql = f'SELECT * FROM "{ALL.format(table)}" WHERE {self._of(slice_)} ORDER BY "{ROW}"'
        return {row.pop(ROW): row for row in dicts(self._con.execute(sql))}

    def aged(self, slice_: str) -> int:
        """The age at which a slice was last put; 0 where it is as loaded."""
        return max(self._aged.get(single, 0) for single in self.parts(slice_))

    def together(self, slices: Sequence[str]) -> str:
        """As in TableKeeping."""
        parts = tuple(dict.fromkeys(single for slice_ in slices for single in self.parts(slice_)))
        name = " + ".join(parts)
        if len(parts) > 1:
            self._together[name] = parts
        return name

    def parts(self, slice_: str) -> tuple[str, ...]:
        """The slices that a joint slice is made of; for any other, itself."""
        return self._together.get(slice_, (slice_,))

    def _of(self, slice_: str) -> str:
        """The SQL condition for the rows of a slice."""
        texts = ", ".join("'{}'".format(single.replace("'", "''")) for single in self.parts(slice_))
        return f'"{SLICE}" IN ({texts})'

    def slices(self) -> set[str]:
        """All slices, loaded or put."""
        return self._slices

    def spans(self) -> dict[str, dict[str, Span]]:
        """As in TableKeeping."""
        spans: dict[str, dict[str, Span]] = {}
        for name in TABLES:
            rows = self._con.execute(_SPANS.format(ALL.format(name))).fetchall()
            spans[name] = {
                slice_: Span(count, _utc(first), first_record, _utc(last), last_record, timeless)
                for slice_, count, first, first_record, last, last_record, timeless in rows
            }
        return spans

    def count(self, slice_: str) -> dict[str, int]:
        """How many rows each table has in a slice."""
        if self._counted != (self.age, self._slices):
            for name in TABLES:
                sql = f'SELECT "{SLICE}", count(*) FROM "{ALL.format(name)}" GROUP BY ALL'
                self._counts[name] = dict(self._con.execute(sql).fetchall())
            self._counted = (self.age, set(self._slices))
        parts = self.parts(slice_)
        return {name: sum(self._counts[name].get(single, 0) for single in parts) for name in TABLES}


def dicts(cursor: Any) -> list[Row]:
    """The rows of a cursor by their columns' names."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values, strict=True)) for values in values_of(cursor)]


def values_of(cursor: Any) -> list[tuple[Any, ...]]:
    """The rows of a cursor, fetched in parts: while DuckDB makes Python values, no other thread can run.

    Raises MemoryError where a query has used up its memory.
    """
    rows: list[tuple[Any, ...]] = []
    while True:
        require_room()
        some = cursor.fetchmany(_AT_ONCE)
        if not some:
            return rows
        rows += some


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)


def plain(value: Any) -> Any:
    """A value as the parameter of a statement."""
    return json.dumps(value) if isinstance(value, dict | list) else value
