"""The rows of all slices, for an engine that does not keep them itself: it gets each slice completely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count

from harness.kql.capabilities import Span
from harness.kql.engine import Engine, Row
from harness.recording.layout import Root
from harness.telemetry.schema import RECORD, SLICE, TABLES
from harness.telemetry.stored_tables import read_tables

_Tables = dict[str, dict[int, Row]]


class PlainTables:
    """TableKeeping over any engine. A slice made of several is put into the engine as a further slice."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._slices: dict[str, _Tables] = {}
        self._together: dict[str, tuple[str, ...]] = {}
        self._numbers = count()

    def load(self, root: Root) -> None:
        """As in TableKeeping."""
        slices: dict[str, dict[str, list[Row]]] = {}
        for table, rows in read_tables(root).items():
            for row in rows:
                slices.setdefault(row[SLICE], {}).setdefault(table, []).append(row)
        for slice_, tables in slices.items():
            self.put(slice_, tables)

    def put(self, slice_: str, tables: Mapping[str, Sequence[Row]]) -> None:
        """As in Engine."""
        self._slices[slice_] = {
            table: {next(self._numbers): row | {SLICE: slice_} for row in rows} for table, rows in tables.items()
        }
        for name in [slice_, *(name for name, parts in self._together.items() if slice_ in parts)]:
            self._give(name)

    def together(self, slices: Sequence[str]) -> str:
        """As in TableKeeping."""
        parts = tuple(dict.fromkeys(single for slice_ in slices for single in self._parts(slice_)))
        name = " + ".join(parts)
        if len(parts) > 1 and name not in self._together:
            self._together[name] = parts
            self._give(name)
        return name

    def numbered(self, table: str, slice_: str) -> dict[int, Row]:
        """As in TableKeeping."""
        rows: dict[int, Row] = {}
        for single in self._parts(slice_):
            rows |= self._slices.get(single, {}).get(table, {})
        return dict(sorted(rows.items()))

    def slices(self) -> set[str]:
        """As in TableKeeping."""
        return set(self._slices)

    def spans(self) -> dict[str, dict[str, Span]]:
        """As in TableKeeping."""
        return {
            table: {
                slice_: _span(list(tables[table].values()))
                for slice_, tables in self._slices.items()
                if tables.get(table)
            }
            for table in TABLES
        }

    def count(self, slice_: str) -> dict[str, int]:
        """As in TableKeeping."""
        return {table: len(self.numbered(table, slice_)) for table in TABLES}

    def _parts(self, slice_: str) -> tuple[str, ...]:
        return self._together.get(slice_, (slice_,))

    def _give(self, slice_: str) -> None:
        self._engine.put(slice_, {table: list(self.numbered(table, slice_).values()) for table in TABLES})


def _span(rows: list[Row]) -> Span:
    timed = [row for row in rows if row["TimeGenerated"] is not None]
    timeless = [row for row in rows if row["TimeGenerated"] is None]
    first = min(timed, key=_time, default=None)
    last = max(timed, key=_time, default=None)
    return Span(
        rows=len(rows),
        first=_time(first) if first else None,
        first_record=first[RECORD] if first else "",
        last=_time(last) if last else None,
        last_record=last[RECORD] if last else "",
        timeless_record=timeless[0][RECORD] if timeless else "",
    )


def _time(row: Row) -> datetime:
    time: datetime = row["TimeGenerated"]
    return time.replace(tzinfo=UTC)
