"""Analyses a query by its text, and by its output over no rows."""

from __future__ import annotations

from harness.kql.engine import NOTHING, Engine
from harness.kql.tree import kind, parse, walk
from harness.telemetry.schema import TABLES

_NAMES = ("IdentifierName", "EscapedName")


class PlainPlanning:
    """Planning over any engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def columns(self, kql: str) -> dict[str, str]:
        """As in Planning."""
        return dict(self._engine.run(kql, NOTHING).columns)

    def tables(self, kql: str) -> set[str]:
        """As in Planning: the tables named in the text. Without any, the engine is asked for its error."""
        names = {node.getText().strip("[]'\"") for node in walk(parse(kql)) if kind(node) in _NAMES}
        if not names & TABLES.keys():
            self.columns(kql)
        return names & TABLES.keys()

    def row_by_row(self, kql: str) -> bool:
        """As in Planning. Always False, since nothing is known."""
        return False

    def speaks_of_nothing(self, kql: str) -> bool:
        """As in Planning."""
        return bool(self._engine.run(kql, NOTHING).rows)
