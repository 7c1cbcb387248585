"""KQL on DuckDB by `duckdb-kql` (pre-alpha, pinned): no other package runs KQL.

A query that works row by row is executed once for all slices, any other query once for each requested slice. Planning
costs more than running, so answers are kept. All other work is done in the guard's thread, within the limits.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from harness.errors import LimitMet
from harness.kql.capabilities import Run, Span
from harness.kql.duckdb.as_of import NUMBER, over_runs, parameters
from harness.kql.duckdb.carried_answers import CarriedRow
from harness.kql.duckdb.carried_queries import ANSWER, CarriedQueries
from harness.kql.duckdb.carrying import EVERY, ROW
from harness.kql.duckdb.database import Database, kql_type
from harness.kql.duckdb.output_rows import OUTPUT, OutputRows
from harness.kql.duckdb.planning import Plan, Planner
from harness.kql.duckdb.query_guard import Guard
from harness.kql.duckdb.shortcuts import Shortcuts
from harness.kql.duckdb.store import ALL, Store
from harness.kql.engine import NOTHING, Output, QueryFailed, Row
from harness.kql.kept import Kept
from harness.kql.limits import Limits
from harness.model.result import EngineFacts
from harness.recording.layout import Root

_T = TypeVar("_T")
_PRIVATE = (ALL.format(""), EVERY.format(""), ANSWER, OUTPUT)


class DuckDbEngine:
    """An engine over one recording, with every capability. KQL's `now()` and `ago()` count from `now`."""

    def __init__(self, now: datetime, limits: Limits = Limits(), shortcuts: Shortcuts = Shortcuts()) -> None:
        self._now = now
        self._database = Database(now, limits)
        versions = {name: importlib.metadata.version(name) for name in ("duckdb", "duckdb-kql")}
        self.facts = EngineFacts(name="duckdb", versions=versions)
        self._guard = Guard(limits, self._database.con.interrupt)
        self._store = Store(self._database.con, limits.memory)
        self._planner = Planner(self._database.con, _PRIVATE, shortcuts)
        self._carried = CarriedQueries(self._database, self._store, self._planner, 64 if shortcuts.cache else 0)
        self._output_rows = OutputRows(self._database, self._planner)
        kept = 1024 if shortcuts.cache else 0
        self._columns: Kept[dict[str, str]] = Kept(kept)
        self._sliced: Kept[tuple[int, Output]] = Kept(kept)

    def run(self, kql: str, slice_: str, now: datetime | None = None) -> Output:
        """As in Engine. A row that is returned again is the same object."""
        return self._kept(kql, slice_, now) or self._limited(kql, lambda: self._run(kql, slice_, now))

    def origins(self, row: Row, slice_: str) -> Mapping[str, Sequence[Row]] | None:
        """As in Engine. Known for rows of a query that ran once for all slices: each came from one table row."""
        if not isinstance(row, CarriedRow):
            return None
        table, whose = self._store.place(row.origin)
        if whose not in self._store.parts(slice_):
            return {}
        return {table: [self._store.kept(row.origin) or self._guard.run(lambda: self._store.row(row.origin))]}

    # TableKeeping

    def load(self, root: Root) -> None:
        """As in TableKeeping. To be called once: then the engine is shut in."""
        self._guard.run(lambda: self._store.load(root), "loading the tables")

    def put(self, slice_: str, tables: Mapping[str, Sequence[Row]]) -> None:
        """As in Engine."""
        self._guard.run(lambda: self._store.put(slice_, tables))

    def together(self, slices: Sequence[str]) -> str:
        """As in TableKeeping."""
        return self._store.together(slices)

    def numbered(self, table: str, slice_: str) -> dict[int, Row]:
        """As in TableKeeping."""
        return self._guard.run(lambda: self._store.numbered(table, slice_))

    def slices(self) -> set[str]:
        """As in TableKeeping."""
        return self._store.slices()

    def spans(self) -> dict[str, dict[str, Span]]:
        """As in TableKeeping."""
        return self._guard.run(self._store.spans)

    def count(self, slice_: str) -> dict[str, int]:
        """As in TableKeeping."""
        return self._guard.run(lambda: self._store.count(slice_))

    # Filtering

    def passing(
        self, rows: Sequence[Row], predicate: str, *, slice_: str = NOTHING, lets: str = "", of: str = ""
    ) -> list[Row]:
        """As in Filtering. A predicate on the complete output of a carried query runs once for all slices."""
        if not rows:
            return []
        complete_of = of if not lets else ""
        if complete_of and (passed := self._carried.passed(rows, complete_of, predicate, slice_)) is not None:
            return passed
        return self._limited(of or predicate, lambda: self._passing(rows, predicate, slice_, lets, complete_of))

    # Planning

    def columns(self, kql: str) -> dict[str, str]:
        """As in Planning."""
        kept = self._carried.columns(kql) or self._columns.get(kql)
        return dict(kept or self._limited(kql, lambda: self._columns.put(kql, self._described(kql))))

    def tables(self, kql: str) -> set[str]:
        """As in Planning."""
        return set((self._planner.kept(kql) or self._limited(kql, lambda: self._plan(kql))).tables)

    def row_by_row(self, kql: str) -> bool:
        """As in Planning."""
        return self._limited(kql, lambda: self._plan(kql)).carried

    def speaks_of_nothing(self, kql: str) -> bool:
        """As in Planning."""
        return self._limited(kql, lambda: self._speaks_of_nothing(kql))

    # Rerunning

    def rerun(self, kql: str, runs: Sequence[Run]) -> list[list[Row]]:
        """As in Rerunning."""
        plan = self._limited(kql, lambda: self._planner.by_slice(kql))
        sql = over_runs(plan.sql, plan.tables, ALL)
        # without a clock, runs that see the same rows give the same output
        distinct = list(dict.fromkeys(run if plan.parameters else Run(run.visible, self._now) for run in runs))
        given: list[list[Row]] = [[] for _ in distinct]
        for lists in parameters(distinct):
            for row in self._limited(kql, functools.partial(self._database.rows, sql, lists)):
                given[row.pop(NUMBER)].append(row)
        answers = dict(zip(distinct, given, strict=True))
        return [answers[run if plan.parameters else Run(run.visible, self._now)] for run in runs]

    def _limited(self, kql: str, work: Callable[[], _T]) -> _T:
        """The result of the work for a query, within the limits. Raises QueryFailed, LimitMet."""
        try:
            try:
                return self._guard.run(work)
            except RecursionError:
                raise QueryFailed("it is nested too deep") from None
        except (QueryFailed, LimitMet) as error:
            error.kql = error.kql or kql
            raise

    def _kept(self, kql: str, slice_: str, now: datetime | None) -> Output | None:
        """The kept output of a query, if it still holds; else None."""
        if (answer := self._carried.kept(kql, slice_, now)) is not None:
            return Output(dict(answer.columns), answer.rows(self._store.parts(slice_)))
        kept = self._sliced.get((kql, slice_, now))
        return None if kept is None or kept[0] < self._store.aged(slice_) else _copy(kept[1])

    def _run(self, kql: str, slice_: str, now: datetime | None) -> Output:
        plan = self._plan(kql)
        if plan.carried:
            if (answer := self._carried.answer(kql, slice_, now)) is not None:
                return Output(dict(answer.columns), answer.rows(self._store.parts(slice_)))
            plan = self._planner.run_by_slice(kql)
        self._store.select(slice_)
        output = Output(*self._database.output(plan.sql, self._database.clock(plan.parameters, now)))
        self._sliced.put((kql, slice_, now), (self._store.age, output))
        return _copy(output)

    def _passing(self, rows: Sequence[Row], predicate: str, slice_: str, lets: str, complete_of: str) -> list[Row]:
        self._store.shut_in()
        passed = self._carried.passing(rows, complete_of, predicate, slice_) if complete_of else None
        if passed is not None:
            return passed
        self._store.select(slice_)  # the predicate may look into other tables
        return self._output_rows.passing(rows, predicate, lets)

    def _speaks_of_nothing(self, kql: str) -> bool:
        plan = self._plan(kql)
        if plan.carried:  # a query that works row by row gives no row over no rows
            return False
        self._store.select(NOTHING)
        sql = f"SELECT 1 FROM ({plan.sql}) LIMIT 1"
        return bool(self._database.rows(sql, self._database.clock(plan.parameters)))

    def _described(self, kql: str) -> dict[str, str]:
        """The columns of a query, which need not have run."""
        plan = self._plan(kql)
        try:
            return self._columns_of(plan)
        except QueryFailed:
            if not plan.carried:
                raise
            return self._columns_of(self._planner.run_by_slice(kql))

    def _columns_of(self, plan: Plan) -> dict[str, str]:
        self._store.select(NOTHING)
        clock = self._database.clock(plan.parameters)
        described = self._database.execute(f"DESCRIBE ({plan.sql})", clock).fetchall()
        return {str(row[0]): kql_type(row[1]) for row in described if row[0] != ROW}

    def _plan(self, kql: str) -> Plan:
        self._store.shut_in()
        return self._planner.plan(kql)


def _copy(output: Output) -> Output:
    """A copy, since callers must not change what is kept."""
    return Output(dict(output.columns), list(output.rows))
