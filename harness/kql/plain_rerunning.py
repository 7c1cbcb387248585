"""A query at many times over chosen rows: one run after another, each over its own slice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from harness.kql.capabilities import Run, TableKeeping
from harness.kql.engine import Engine, Row
from harness.telemetry.schema import TABLES

_CLOCK = re.compile(r"\b(?:now|ago)\s*\(")
_SEEN = "(seen by a run)"


class PlainRerunning:
    """Rerunning over any engine."""

    def __init__(self, engine: Engine, tables: TableKeeping) -> None:
        self._engine, self._tables = engine, tables

    def rerun(self, kql: str, runs: Sequence[Run]) -> list[list[Row]]:
        """As in Rerunning."""
        numbered = {table: self._all(table) for table in TABLES}
        # without a clock, runs that see the same rows give the same output
        views = [(run.visible, run.now if _CLOCK.search(kql) else None) for run in runs]
        answers: dict[tuple[tuple[int, ...], datetime | None], list[Row]] = {}
        try:
            for visible, now in sorted(set(views), key=lambda view: view[0]):
                seen = {table: [rows[n] for n in visible if n in rows] for table, rows in numbered.items()}
                self._engine.put(_SEEN, seen)
                answers[visible, now] = self._engine.run(kql, _SEEN, now).rows
        finally:
            self._engine.put(_SEEN, {})
        return [answers[key] for key in views]

    def _all(self, table: str) -> dict[int, Row]:
        rows: dict[int, Row] = {}
        for slice_ in self._tables.slices():
            rows |= self._tables.numbered(table, slice_)
        return rows
