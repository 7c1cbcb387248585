"""Finds rows of a table that look like a row of an output, where the engine does not know its origin."""

from __future__ import annotations

import json
from typing import Any

from harness.kql.capabilities import TableKeeping
from harness.kql.engine import Row
from harness.kql.kept import Kept
from harness.telemetry.schema import TABLES

_Values = tuple[str | None, ...]


class Lookalikes:
    """Finds rows by the values of the columns that they share with an output."""

    def __init__(self, tables: TableKeeping) -> None:
        self._tables = tables
        self.forget()

    def of(self, table: str, slice_: str, row: Row) -> list[Row]:
        """The rows of a table in a slice that agree with `row` on all shared columns; none where they share none."""
        shared = tuple(name for name in TABLES[table] if name in row)
        if not shared:
            return []
        key = (table, slice_, shared)
        index = self._indexes.get(key)
        if index is None:
            index = self._indexes.put(key, {})
            for own in self._tables.numbered(table, slice_).values():
                index.setdefault(_values(own, shared), []).append(own)
        return list(index.get(_values(row, shared), ()))

    def forget(self) -> None:
        """Forget all rows; to be called whenever a slice is put."""
        self._indexes: Kept[dict[_Values, list[Row]]] = Kept(16)


def _values(row: Row, names: tuple[str, ...]) -> _Values:
    return tuple(_text(row[name]) for name in names)


def _text(value: Any) -> str | None:
    """A value as text, since an `extend` may give a column another type."""
    if isinstance(value, bool | dict | list):
        return json.dumps(value)
    return None if value is None else str(value)
