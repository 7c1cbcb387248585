"""A workspace: the tables of one recording in an engine, and all that a proof asks of them.

What the engine has a capability for (`capabilities.py`), the engine does; anything else is done in a plain way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from harness.kql.capabilities import Filtering, Planning, Rerunning, Run, Span, TableKeeping
from harness.kql.engine import NOTHING, Engine, Row
from harness.kql.lookalikes import Lookalikes
from harness.kql.plain_filtering import PlainFiltering
from harness.kql.plain_planning import PlainPlanning
from harness.kql.plain_rerunning import PlainRerunning
from harness.kql.plain_tables import PlainTables
from harness.model.result import EngineFacts
from harness.recording.layout import Root


class Workspace:
    """Asks an engine. Methods raise QueryFailed and LimitMet as the engine does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tables: TableKeeping = engine if isinstance(engine, TableKeeping) else PlainTables(engine)
        self._filtering: Filtering = engine if isinstance(engine, Filtering) else PlainFiltering(engine)
        self._planning: Planning = engine if isinstance(engine, Planning) else PlainPlanning(engine)
        self._rerunning = engine if isinstance(engine, Rerunning) else PlainRerunning(engine, self._tables)
        self._lookalikes = Lookalikes(self._tables)

    @property
    def facts(self) -> EngineFacts:
        """What runs the KQL."""
        return self._engine.facts

    def load(self, root: Root) -> None:
        """As in TableKeeping. Raises ValueError for a slice that has the name of the empty one."""
        self._lookalikes.forget()
        self._tables.load(root)
        if NOTHING in self.slices():
            raise ValueError(f"a slice is called {NOTHING!r}")

    def query(self, kql: str, slice_: str, now: datetime | None = None) -> list[Row]:
        """The rows that a query gives over one slice, in a new list. Raises QueryFailed, LimitMet.

        KQL's `now()` and `ago()` count from `now`, or from the engine's own time.
        """
        return list(self._engine.run(kql, slice_, now).rows)

    def passing(
        self, rows: Sequence[Row], predicate: str, *, slice_: str = NOTHING, lets: str = "", of: str = ""
    ) -> list[Row]:
        """As in Filtering."""
        return self._filtering.passing(rows, predicate, slice_=slice_, lets=lets, of=of)

    def columns(self, kql: str) -> dict[str, str]:
        """As in Planning."""
        return self._planning.columns(kql)

    def speaks_of_nothing(self, kql: str) -> bool:
        """As in Planning."""
        return self._planning.speaks_of_nothing(kql)

    def row_by_row(self, kql: str) -> bool:
        """As in Planning."""
        return self._planning.row_by_row(kql)

    def tables(self, kql: str) -> set[str]:
        """As in Planning."""
        return self._planning.tables(kql)

    def matching(self, table: str, slice_: str, row: Row) -> list[Row]:
        """The rows of a table, hidden columns included, that a row of a query's output came from.

        Where the engine does not know: the rows that agree with `row` on all shared columns.
        """
        known = self._engine.origins(row, slice_)
        return self._lookalikes.of(table, slice_, row) if known is None else list(known.get(table, ()))

    def put(self, table: str, slice_: str, rows: Sequence[Row]) -> None:
        """Replace a slice by these rows of one table, hidden columns included. Raises ValueError for the empty one."""
        if slice_ == NOTHING:
            raise ValueError(f"a slice is called {NOTHING!r}")
        self._lookalikes.forget()
        self._tables.put(slice_, {table: rows})

    def together(self, slices: Sequence[str]) -> str:
        """As in TableKeeping."""
        return self._tables.together(slices)

    def numbered(self, table: str, slice_: str) -> dict[int, Row]:
        """As in TableKeeping."""
        return self._tables.numbered(table, slice_)

    def rerun(self, kql: str, runs: Sequence[Run]) -> list[list[Row]]:
        """As in Rerunning."""
        return self._rerunning.rerun(kql, runs)

    def slices(self) -> set[str]:
        """As in TableKeeping."""
        return self._tables.slices()

    def spans(self) -> dict[str, dict[str, Span]]:
        """As in TableKeeping."""
        return self._tables.spans()

    def count(self, slice_: str) -> dict[str, int]:
        """As in TableKeeping."""
        return self._tables.count(slice_)
