"""Queries that work row by row: each is executed once for all slices; a table holds its rows for predicates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from harness.kql.duckdb.carried_answers import Answer
from harness.kql.duckdb.carrying import OWN, ROW, is_row_by_row
from harness.kql.duckdb.database import Database, kql_type
from harness.kql.duckdb.planning import Plan, Planner
from harness.kql.duckdb.store import Store, values_of
from harness.kql.engine import QueryFailed, Row
from harness.kql.kept import Kept

ANSWER = f"{OWN}answer"
_NUMBER = f"{OWN}number"


class CarriedQueries:
    """Runs carried queries, and keeps the last `limit` answers."""

    def __init__(self, database: Database, store: Store, planner: Planner, limit: int) -> None:
        self._database, self._store, self._planner = database, store, planner
        self._answers: Kept[Answer] = Kept(limit)
        self._standing: Answer | None = None  # the answer whose rows ANSWER holds

    def columns(self, kql: str) -> dict[str, str] | None:
        """The columns of a query's kept answer; None where there is none."""
        answer = self._answers.get((kql, None))
        return None if answer is None else answer.columns

    def kept(self, kql: str, slice_: str, now: datetime | None = None) -> Answer | None:
        """The kept answer for all slices, if it still holds for this slice; else None."""
        answer = self._answers.get((kql, now))
        return answer if answer is not None and answer.age >= self._store.aged(slice_) else None

    def answer(self, kql: str, slice_: str, now: datetime | None = None) -> Answer | None:
        """The answer for all slices, up to date for this slice; None for a query that must run slice by slice."""
        if (answer := self.kept(kql, slice_, now)) is not None:
            return answer
        plan = self._planner.plan(kql)
        if not plan.carried:
            return None
        try:
            self._standing = self._answers.put((kql, now), self._stand(plan, now))
        except QueryFailed:  # the cause may be a row of another slice, and the message would name hidden columns
            return None
        return self._standing

    def passed(self, rows: Sequence[Row], kql: str, predicate: str, slice_: str) -> list[Row] | None:
        """The rows that pass a predicate, by the kept answer; None where it has no such rows or predicate."""
        answer = self.kept(kql, slice_)
        if answer is None or predicate not in answer.passing or not self._are_of(rows, answer, slice_):
            return None
        return answer.rows(self._store.parts(slice_), predicate)

    def passing(self, rows: Sequence[Row], kql: str, predicate: str, slice_: str) -> list[Row] | None:
        """As `passed`, for a new predicate, which is run over all slices. Raises QueryFailed."""
        if not is_row_by_row(predicate, "Output"):
            return None
        answer = self.answer(kql, slice_)
        if answer is None or not self._are_of(rows, answer, slice_):
            return None
        if predicate not in answer.passing:
            standing = self._standing
            if standing is not answer:  # the rows of each slice are the same and in the same order
                standing = self._stand(self._planner.plan(kql), None)
                self._standing = answer if standing.by_slice == answer.by_slice else None
            answer.pass_(predicate, self._numbers(answer, predicate), standing)
        return answer.rows(self._store.parts(slice_), predicate)

    def _are_of(self, rows: Sequence[Row], answer: Answer, slice_: str) -> bool:
        own = answer.rows(self._store.parts(slice_))
        return len(own) == len(rows) and all(kept is row for kept, row in zip(own, rows, strict=True))

    def _stand(self, plan: Plan, now: datetime | None) -> Answer:
        """Execute a carried query. ANSWER holds its numbered rows until the next one."""
        self._standing = None
        sql = f'CREATE OR REPLACE TEMP TABLE "{ANSWER}" AS SELECT row_number() OVER () - 1 AS {_NUMBER}, * FROM '
        self._database.execute(f"{sql}({plan.sql})", self._database.clock(plan.parameters, now))
        select = f'SELECT * EXCLUDE ({_NUMBER}, {ROW}), {ROW} FROM "{ANSWER}" ORDER BY {_NUMBER}'
        cursor = self._database.execute(select, [])
        columns = {str(column[0]): kql_type(column[1]) for column in cursor.description[:-1]}
        values = values_of(cursor)
        by_slice: dict[str, list[int]] = {}
        for number, row in enumerate(values):
            by_slice.setdefault(self._store.place(row[-1])[1], []).append(number)
        return Answer(columns, [row[:-1] for row in values], [row[-1] for row in values], by_slice, self._store.age)

    def _numbers(self, answer: Answer, predicate: str) -> set[int]:
        """The numbers of the rows in ANSWER for which a predicate holds."""
        strings = frozenset(name for name, type_ in answer.columns.items() if type_ == "string")
        schema = json.dumps({ANSWER: [*answer.columns, _NUMBER]})
        text = f"{ANSWER}\n| where {predicate}\n| project {_NUMBER}"
        sql, parameters = self._planner.translate(text, schema, strings)
        self._planner.read(sql, text, [ANSWER])
        return {row[_NUMBER] for row in self._database.rows(sql, self._database.clock(parameters))}
