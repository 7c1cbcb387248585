"""KQL on DuckDB by `duckdb-kql` (pre-alpha, pinned): nothing outside of this package runs KQL.

A query that works row by row is executed once for all slices, any other once for each slice that is asked for. Planning
costs more than running, so answers are kept. Whatever is not kept is done by the guard's thread, within the limits.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import duckdb

from harness.errors import LimitMet
from harness.kql.duckdb.as_of import NUMBER, over_runs, parameters
from harness.kql.duckdb.carried_answers import Answer, CarriedRow, Kept
from harness.kql.duckdb.carrying import EVERY, OWN, ROW, is_row_by_row
from harness.kql.duckdb.planning import STRINGS, Plan, Planner
from harness.kql.duckdb.query_guard import Guard
from harness.kql.duckdb.store import ALL, Store, dicts, plain, values_of
from harness.kql.duckdb.translation import translate
from harness.kql.engine import QueryFailed, Row, Run, Span
from harness.kql.limits import Limits
from harness.model.result import EngineFacts
from harness.recording.layout import Root
from harness.telemetry.schema import SQL_TYPES, TABLES

_T = TypeVar("_T")
_OUTPUT, _ANSWER, _NUMBER = f"{OWN}output", f"{OWN}answer", f"{OWN}number"
_PRIVATE = (ALL.format(""), EVERY.format(""), _ANSWER, _OUTPUT)
_KQL_TYPES = {sql: kql for kql, sql in SQL_TYPES.items()} | {"INTEGER": "long", "HUGEINT": "long"}


# Nothing is fetched, loaded or left on a disk; a rule must not read a file either, see Store.shut_in.
_CONFIG: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "temp_directory": "",
}


class DuckDbEngine:
    """An engine over one recording. `now` is what KQL's `now()` and `ago()` count from: the recording's own time."""

    def __init__(self, now: datetime, limits: Limits = Limits()) -> None:
        self._now = now
        config = _CONFIG | {"threads": limits.threads, "memory_limit": f"{limits.memory}B"}
        self._con = duckdb.connect(":memory:", config=config)
        self._con.execute("SET TimeZone = 'UTC'")
        versions = {name: importlib.metadata.version(name) for name in ("duckdb", "duckdb-kql")}
        self.facts = EngineFacts(name="duckdb", versions=versions)
        self._guard = Guard(limits, self._con.interrupt)
        self._store = Store(self._con, limits.memory)
        self._planner = Planner(self._con, _PRIVATE)
        self._answers: Kept[Answer] = Kept(64)
        self._columns: Kept[dict[str, str]] = Kept(1024)
        self._sliced: Kept[tuple[int, list[Row]]] = Kept(1024)
        self._standing: Answer | None = None  # the answer whose rows _ANSWER holds

    def load(self, root: Root) -> None:
        """As in Engine. Once only, and before any KQL: then the engine is shut in."""
        self._guard.run(lambda: self._store.load(root), "loading the tables")

    def query(self, kql: str, slice_: str, now: datetime | None = None) -> list[Row]:
        """As in Engine."""
        kept = self._kept(kql, slice_, now)
        return self._limited(kql, lambda: self._query(kql, slice_, now)) if kept is None else kept

    def passing(self, kql: str, predicate: str, slice_: str) -> list[Row]:
        """As in Engine."""
        answer = self._current(kql, slice_, None)
        if answer is not None and predicate in answer.passing:
            return answer.rows(self._store.parts(slice_), predicate)
        return self._limited(kql, lambda: self._passing(kql, predicate, slice_))

    def columns(self, kql: str) -> dict[str, str]:
        """As in Engine."""
        answer = self._answers.get((kql, None))
        if answer is not None:
            return dict(answer.columns)
        kept = self._columns.get(kql)
        return dict(kept or self._limited(kql, lambda: self._columns.put(kql, self._described(kql))))

    def speaks_of_nothing(self, kql: str) -> bool:
        """As in Engine."""
        return self._limited(kql, lambda: self._speaks_of_nothing(kql))

    def tables(self, kql: str) -> set[str]:
        """As in Engine."""
        return set((self._planner.kept(kql) or self._limited(kql, lambda: self._plan(kql))).tables)

    def matching(self, table: str, slice_: str, row: Row) -> list[Row]:
        """As in Engine."""
        if not isinstance(row, CarriedRow):
            return self._guard.run(lambda: self._store.matching(table, slice_, row))
        of, whose = self._store.place(row.origin)
        if of != table or whose not in self._store.parts(slice_):
            return []
        return [self._store.kept(row.origin) or self._guard.run(lambda: self._store.row(row.origin))]

    def put(self, table: str, slice_: str, rows: list[Row]) -> None:
        """As in Engine."""
        self._guard.run(lambda: self._store.put(table, slice_, rows))

    def row_by_row(self, kql: str) -> bool:
        """As in Engine."""
        return self._limited(kql, lambda: self._plan(kql)).carried

    def together(self, slices: Sequence[str]) -> str:
        """As in Engine."""
        return self._store.together(slices)

    def over(self, rows: list[Row], kql: str, lets: str = "") -> list[Row]:
        """As in Engine."""
        return self._limited(kql, lambda: self._over(rows, kql, lets)) if rows else []

    def numbered(self, table: str, slice_: str) -> dict[int, Row]:
        """As in Engine."""
        return self._guard.run(lambda: self._store.numbered(table, slice_))

    def replay(self, kql: str, runs: Sequence[Run]) -> list[list[Row]]:
        """As in Engine."""
        plan = self._limited(kql, lambda: self._planner.by_slice(kql))
        sql = over_runs(plan.sql, plan.tables, ALL)
        # without a clock, runs that see the same rows give the same
        asked = list(dict.fromkeys(run if plan.parameters else Run(run.visible, self._now) for run in runs))
        given: list[list[Row]] = [[] for _ in asked]
        for lists in parameters(asked):
            for row in self._limited(kql, functools.partial(self._rows, sql, lists)):
                given[row.pop(NUMBER)].append(row)
        answers = dict(zip(asked, given, strict=True))
        return [answers[run if plan.parameters else Run(run.visible, self._now)] for run in runs]

    def slices(self) -> set[str]:
        """As in Engine."""
        return self._store.slices()

    def spans(self) -> dict[str, dict[str, Span]]:
        """As in Engine."""
        return self._guard.run(self._store.spans)

    def count(self, slice_: str) -> dict[str, int]:
        """As in Engine."""
        return self._guard.run(lambda: self._store.count(slice_))

    def _limited(self, kql: str, work: Callable[[], _T]) -> _T:
        """What the work for a query gives, within the limits. Raises QueryFailed, LimitMet."""
        try:
            try:
                return self._guard.run(work)
            except RecursionError:
                raise QueryFailed("its parts lie too deep in each other") from None
        except (QueryFailed, LimitMet) as error:
            error.kql = error.kql or kql
            raise

    def _kept(self, kql: str, slice_: str, now: datetime | None) -> list[Row] | None:
        """What a query gave when it was asked before, if that still holds."""
        if (answer := self._current(kql, slice_, now)) is not None:
            return answer.rows(self._store.parts(slice_))
        kept = self._sliced.get((kql, slice_, now))
        return None if kept is None or kept[0] < self._store.aged(slice_) else list(kept[1])

    def _current(self, kql: str, slice_: str, now: datetime | None) -> Answer | None:
        """The kept answer for all slices, if that of this slice still holds."""
        answer = self._answers.get((kql, now))
        return answer if answer is not None and answer.age >= self._store.aged(slice_) else None

    def _query(self, kql: str, slice_: str, now: datetime | None) -> list[Row]:
        answer = self._answer(kql, slice_, now)
        if answer is not None:
            return answer.rows(self._store.parts(slice_))
        plan = self._plan(kql)
        self._store.select(slice_)
        rows = self._rows(plan.sql, self._clock(plan.parameters, now))
        self._sliced.put((kql, slice_, now), (self._store.age, rows))
        return list(rows)

    def _passing(self, kql: str, predicate: str, slice_: str) -> list[Row]:
        answer = self._answer(kql, slice_, None)
        if answer is None or not is_row_by_row(predicate, "Output"):
            rows = self.query(kql, slice_)
            self._store.select(slice_)  # the predicate may look into other tables
            return self.over(rows, f"| where {predicate}")
        if predicate not in answer.passing:
            standing = self._standing
            if standing is not answer:  # the rows of each slice are the same and in the same order
                standing = self._stand(self._plan(kql), None)
                self._standing = answer if standing.by_slice == answer.by_slice else None
            answer.pass_(predicate, self._numbers(answer, predicate), standing)
        return answer.rows(self._store.parts(slice_), predicate)

    def _speaks_of_nothing(self, kql: str) -> bool:
        plan = self._plan(kql)
        if plan.carried:  # what works row by row makes no row of none
            return False
        self._store.select(None)
        return bool(self._rows(f"SELECT 1 FROM ({plan.sql}) LIMIT 1", self._clock(plan.parameters)))

    def _over(self, rows: list[Row], kql: str, lets: str) -> list[Row]:
        self._store.shut_in()
        names = list(rows[0])
        definition = ", ".join(f'"{name}" {_sql_type([row[name] for row in rows])}' for name in names)
        self._con.execute(f'CREATE OR REPLACE TABLE "{_OUTPUT}" ({_NUMBER} BIGINT, {definition})')
        marks = ", ".join("?" for _ in range(len(names) + 1))
        for number, row in enumerate(rows):
            values = [number, *(plain(row[name]) for name in names)]
            self._con.execute(f'INSERT INTO "{_OUTPUT}" VALUES ({marks})', values)
        self._planner.refuse_own(f"{lets}{kql}")
        text = f"{lets}{_OUTPUT}\n{kql}\n| project {_NUMBER}"
        sql, parameters = translate(text, json.dumps({_OUTPUT: [_NUMBER, *names]}), STRINGS)
        self._planner.read(sql, text, [_OUTPUT, *TABLES])
        return [rows[found[_NUMBER]] for found in self._rows(sql, self._clock(parameters))]

    def _answer(self, kql: str, slice_: str, now: datetime | None) -> Answer | None:
        """The answer for all slices, as it is for this slice now; None for a query that runs slice by slice."""
        if (answer := self._current(kql, slice_, now)) is not None:
            return answer
        plan = self._plan(kql)
        if not plan.carried:
            return None
        try:
            self._standing = self._answers.put((kql, now), self._stand(plan, now))
        except QueryFailed:  # perhaps a row of another slice is to blame; and the message would name what is hidden
            self._planner.run_by_slice(kql)
            return None
        return self._standing

    def _stand(self, plan: Plan, now: datetime | None) -> Answer:
        """Execute a carried query. Its rows, numbered, stand in _ANSWER until the next one."""
        self._standing = None
        sql = f'CREATE OR REPLACE TEMP TABLE "{_ANSWER}" AS SELECT row_number() OVER () - 1 AS {_NUMBER}, * FROM '
        self._execute(f"{sql}({plan.sql})", self._clock(plan.parameters, now))
        cursor = self._execute(f'SELECT * EXCLUDE ({_NUMBER}, {ROW}), {ROW} FROM "{_ANSWER}" ORDER BY {_NUMBER}', [])
        columns = {str(column[0]): _kql_type(column[1]) for column in cursor.description[:-1]}
        values = values_of(cursor)
        by_slice: dict[str, list[int]] = {}
        for number, row in enumerate(values):
            by_slice.setdefault(self._store.place(row[-1])[1], []).append(number)
        return Answer(columns, [row[:-1] for row in values], [row[-1] for row in values], by_slice, self._store.age)

    def _numbers(self, answer: Answer, predicate: str) -> set[int]:
        """The numbers of the rows in _ANSWER for which a predicate holds."""
        strings = frozenset(name for name, type_ in answer.columns.items() if type_ == "string")
        schema = json.dumps({_ANSWER: [*answer.columns, _NUMBER]})
        text = f"{_ANSWER}\n| where {predicate}\n| project {_NUMBER}"
        sql, parameters = translate(text, schema, strings)
        self._planner.read(sql, text, [_ANSWER])
        return {row[_NUMBER] for row in self._rows(sql, self._clock(parameters))}

    def _described(self, kql: str) -> dict[str, str]:
        """The columns of a query that need not have run."""
        plan = self._plan(kql)
        self._store.select("")
        try:
            described = self._execute(f"DESCRIBE ({plan.sql})", self._clock(plan.parameters)).fetchall()
        except QueryFailed:
            if not plan.carried:
                raise
            self._planner.run_by_slice(kql)
            return self._described(kql)
        return {str(row[0]): _kql_type(row[1]) for row in described if row[0] != ROW}

    def _plan(self, kql: str) -> Plan:
        self._store.shut_in()
        return self._planner.plan(kql)

    def _clock(self, parameters: Iterable[str], now: datetime | None = None) -> dict[str, Any]:
        return {name: (now or self._now).astimezone(UTC).replace(tzinfo=None) for name in parameters}

    def _execute(self, sql: str, parameters: Any) -> Any:
        try:
            return self._con.execute(sql, parameters)
        except duckdb.OutOfMemoryException:  # the guard says so
            raise
        except duckdb.Error as error:
            raise QueryFailed(str(error).splitlines()[0]) from None

    def _rows(self, sql: str, parameters: Any) -> list[Row]:
        try:
            return dicts(self._execute(sql, parameters))
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise QueryFailed(str(error).splitlines()[0]) from None


def _kql_type(sql: Any) -> str:
    return _KQL_TYPES.get(str(sql), "dynamic")


def _sql_type(values: list[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        return "BIGINT"
    if kinds == {datetime}:
        return "TIMESTAMP"
    return "DOUBLE" if kinds and kinds <= {int, float} else "VARCHAR"
