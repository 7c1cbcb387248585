"""What an engine is: it has the rows of tables, slice by slice, and runs KQL over one slice.

An engine need not do more. `workspace.py` builds on this whatever else the proof asks. An engine that can do some of
that faster has a method for it, see `capabilities.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from harness.model.result import EngineFacts

Row = dict[str, Any]
NOTHING = "(nothing)"  # the name of a slice that is never put, so it is empty


@dataclass(frozen=True)
class Output:
    """The output of a query: the KQL types of its columns by name (`string`, `bool`, …), and its rows."""

    columns: dict[str, str]
    rows: list[Row]


class QueryFailed(Exception):
    """The engine cannot run a query. `line` and `column` count from 1 in the KQL text; 0 where not known.

    `unknown` is the unknown name, where that is the mistake. `kql` is the query, where the engine has set it.
    """

    def __init__(self, message: str, line: int = 0, column: int = 0, unknown: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.unknown = message, line, column, unknown
        self.kql = ""


class Engine(Protocol):
    """Runs KQL over the tables of one recording, one slice at a time. Its own time is that of the recording.

    A query sees only the rows of its slice: no hidden column, no other slice, no file.
    """

    facts: EngineFacts

    def put(self, slice_: str, tables: Mapping[str, Sequence[Row]]) -> None:
        """Replace a slice by these rows, by table; a table that is not named has no rows.

        Rows have every column of `schema.TABLES`, and the hidden ones. Times are UTC without a zone, dynamic values
        are JSON text. Raises LimitMet.
        """

    def run(self, kql: str, slice_: str, now: datetime | None = None) -> Output:
        """The output of a query over one slice; a slice that was not put is empty.

        KQL's `now()` and `ago()` count from `now`, or from the engine's own time. Raises QueryFailed, and LimitMet for
        a query that exceeds its time or memory.
        """

    def origins(self, row: Row, slice_: str) -> Mapping[str, Sequence[Row]] | None:
        """The rows of a slice that an output's row came from, as they were put, by table.

        `row` is an object that `run` returned. None where the engine does not know.
        """
