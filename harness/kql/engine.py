"""What an engine is: it has the rows of tables, slice by slice, and runs KQL over one slice.

This is all that one must do. What the proof asks beside it is made of this by `workspace.py`, slower than an engine may
do it by a method of its own: for that there are `capabilities.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from harness.model.result import EngineFacts

Row = dict[str, Any]
NOTHING = "(nothing)"  # the name of a slice that is never put: it has no row


@dataclass(frozen=True)
class Output:
    """What a query gave: the KQL types of its columns by name (`string`, `bool`, …), also of no rows, and its rows."""

    columns: dict[str, str]
    rows: list[Row]


class QueryFailed(Exception):
    """The engine cannot run a query. `line` and `column` count from 1 in the KQL text; 0 where not known.

    `unknown` is the name that there is not, where that is what is wrong. `kql` is what the engine was asked, where it
    has said so.
    """

    def __init__(self, message: str, line: int = 0, column: int = 0, unknown: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.unknown = message, line, column, unknown
        self.kql = ""


class Engine(Protocol):
    """Runs KQL over the tables of one recording, one slice at a time. It has a time of its own, that of the recording.

    A query sees the rows of its slice and nothing else: no hidden column, no other slice, no file.
    """

    facts: EngineFacts

    def put(self, slice_: str, tables: Mapping[str, Sequence[Row]]) -> None:
        """Make these rows the whole of a slice, by table; a table that is not named has none.

        Rows have every column of `schema.TABLES`, and the hidden ones. Times are UTC without a zone, dynamic values
        are JSON text. Raises LimitMet.
        """

    def run(self, kql: str, slice_: str, now: datetime | None = None) -> Output:
        """What a query gives over one slice; a slice that was not put is empty.

        KQL's `now()` and `ago()` count from `now`, or from the engine's own time. Raises QueryFailed, and LimitMet for
        a query that takes more time or memory than it may.
        """

    def origins(self, row: Row, slice_: str) -> Mapping[str, Sequence[Row]] | None:
        """The rows of a slice that a row of an output came from, as they were put, by table.

        `row` is an object that `run` gave. None where the engine does not know.
        """
