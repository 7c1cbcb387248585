"""How a query runs: its SQL, what it reads, and whether it works row by row and so runs once for all slices."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from harness.kql.duckdb.allowed import tables_read
from harness.kql.duckdb.carrying import EVERY, OWN, ROW, carry
from harness.kql.duckdb.shortcuts import Shortcuts
from harness.kql.duckdb.translation import translate
from harness.kql.engine import QueryFailed
from harness.kql.kept import Kept
from harness.telemetry.schema import TABLES

# Columns that are strings, or dynamic, in every table that has them.
STRINGS, _DYNAMICS = (
    frozenset(c for columns in TABLES.values() for c, t in columns.items() if t == kind)
    - {c for columns in TABLES.values() for c, t in columns.items() if t != kind}
    for kind in ("string", "dynamic")
)
_SCHEMA = json.dumps({name: list(columns) for name, columns in TABLES.items()})
_EVERY_SCHEMA = json.dumps({EVERY.format(name): [*columns, ROW] for name, columns in TABLES.items()})


@dataclass(frozen=True)
class Plan:
    """A query as SQL. `carried` says that it reads all slices and gives ROW."""

    sql: str
    parameters: tuple[str, ...]
    tables: frozenset[str]
    carried: bool


class Planner:
    """Plans queries, and keeps the plans. `private` are prefixes that no query may use, in lower case."""

    def __init__(self, con: duckdb.DuckDBPyConnection, private: Collection[str], shortcuts: Shortcuts) -> None:
        self._con, self._private, self._shortcuts = con, private, shortcuts
        self._plans: Kept[Plan] = Kept(1024 if shortcuts.cache else 0)
        self._reads: Kept[frozenset[str]] = Kept(1024 if shortcuts.cache else 0)

    def kept(self, kql: str) -> Plan | None:
        """The plan of a query that was planned before; None where it was not."""
        return self._plans.get(kql)

    def plan(self, kql: str) -> Plan:
        """How a query runs. Raises QueryFailed for a query that can't run."""
        return self._plans.get(kql) or self._plans.put(kql, self._carried(kql) or self.by_slice(kql))

    def run_by_slice(self, kql: str) -> Plan:
        """Plan a query to run slice by slice from now on. Raises QueryFailed."""
        return self._plans.put(kql, self.by_slice(kql))

    def by_slice(self, kql: str) -> Plan:
        """How a query runs over one slice. Raises QueryFailed."""
        self.refuse_own(kql)
        sql, parameters = self.translate(kql, _SCHEMA, STRINGS, _DYNAMICS)
        return Plan(sql, parameters, self.read(sql, kql, TABLES), carried=False)

    def read(self, sql: str, kql: str, allowed: Collection[str]) -> frozenset[str]:
        """The tables that a statement reads. Raises QueryFailed for anything that is not allowed."""
        return self._reads.get(sql) or self._reads.put(sql, tables_read(self._con, sql, kql, allowed))

    def refuse_own(self, text: str) -> None:
        """Raise QueryFailed for a query that names the engine's own tables, which hold other slices."""
        if any(name in text.lower() for name in self._private):
            raise QueryFailed(f"names that begin with '{OWN}' are the engine's own")

    def translate(
        self, kql: str, schema: str, strings: frozenset[str], dynamics: frozenset[str] = frozenset()
    ) -> tuple[str, tuple[str, ...]]:
        """As `translation.translate`."""
        return translate(kql, schema, strings, dynamics, folded=self._shortcuts.fold)

    def _carried(self, kql: str) -> Plan | None:
        if not self._shortcuts.carry:
            return None
        try:
            carrying = carry(kql, TABLES)
            if carrying is None:
                return None
            sql, parameters = self.translate(carrying.kql, _EVERY_SCHEMA, STRINGS, _DYNAMICS)
            self.read(sql, kql, [EVERY.format(name) for name in TABLES])
            return Plan(sql, parameters, carrying.tables, carried=True)
        except QueryFailed:  # planning the original query says why, and where
            return None
