"""Rows of an output as a table, so that a predicate can be run over them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from harness.kql.duckdb.carrying import OWN
from harness.kql.duckdb.database import Database
from harness.kql.duckdb.planning import STRINGS, Planner
from harness.kql.duckdb.store import plain
from harness.kql.engine import Row
from harness.telemetry.schema import TABLES

OUTPUT = f"{OWN}output"
_NUMBER = f"{OWN}number"


class OutputRows:
    """One table, which holds the rows of the last request."""

    def __init__(self, database: Database, planner: Planner) -> None:
        self._database, self._planner = database, planner

    def passing(self, rows: Sequence[Row], predicate: str, lets: str) -> list[Row]:
        """Those of `rows` (at least one) for which a predicate holds. Raises QueryFailed."""
        names = list(rows[0])
        self._hold(rows, names)
        self._planner.refuse_own(f"{lets}{predicate}")
        text = f"{lets}{OUTPUT}\n| where {predicate}\n| project {_NUMBER}"
        sql, parameters = self._planner.translate(text, json.dumps({OUTPUT: [_NUMBER, *names]}), STRINGS)
        self._planner.read(sql, text, [OUTPUT, *TABLES])
        return [rows[row[_NUMBER]] for row in self._database.rows(sql, self._database.clock(parameters))]

    def _hold(self, rows: Sequence[Row], names: list[str]) -> None:
        # a rule may call its columns anything, also what would end the name and begin another statement
        definition = ", ".join(f"{_quoted(name)} {_sql_type([row[name] for row in rows])}" for name in names)
        self._database.execute(f'CREATE OR REPLACE TABLE "{OUTPUT}" ({_NUMBER} BIGINT, {definition})', [])
        places = ", ".join("?" for _ in range(len(names) + 1))
        for number, row in enumerate(rows):
            values = [number, *(plain(row[name]) for name in names)]
            self._database.execute(f'INSERT INTO "{OUTPUT}" VALUES ({places})', values)


def _quoted(name: str) -> str:
    """A name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def _sql_type(values: list[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        return "BIGINT"
    if kinds == {datetime}:
        return "TIMESTAMP"
    return "DOUBLE" if kinds and kinds <= {int, float} else "VARCHAR"
