"""The Protocol of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from harness.model.result import EngineFacts
from harness.recording.layout import Root

Row = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of a query: the numbers of the table rows that it sees, a duplicate twice, and its `now()`."""

    visible: tuple[int, ...]
    now: datetime


@dataclass(frozen=True)
class Span:
    """Of the rows of one slice of one table: how many, and the first, the last and one without a time.

    Times (`TimeGenerated`) are UTC; a record is `raw/FILE:LINE`, or empty.
    """

    rows: int
    first: datetime | None
    first_record: str
    last: datetime | None
    last_record: str
    timeless_record: str = ""


class QueryFailed(Exception):
    """The engine cannot run a query. `line` and `column` count from 1 in the KQL text; 0 where not known.

    `kql` is what the engine was asked, where it has said so.
    """

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column
        self.kql = ""


class OtherColumns(Exception):
    """A table's file is not of the shape that this version makes; the text says which, and what it lacks."""


class Engine(Protocol):
    """Runs KQL over the tables of one recording, one slice at a time.

    Each method raises LimitMet for a query that takes more time or memory than it may.
    """

    facts: EngineFacts

    def load(self, root: Root) -> None:
        """Load the tables of a recording's folder, `tables/NAME.parquet` each, as they were sealed.

        Raises OtherColumns, and has loaded nothing then. Before any KQL is seen: from the first query on, an engine
        reads nothing but its tables.
        """

    def query(self, kql: str, slice_: str, now: datetime | None = None) -> list[Row]:
        """The rows that a query gives over one slice; hidden columns are not visible. Raises QueryFailed.

        `now` is another time for KQL's `now()` and `ago()` to count from. Answers are kept: ask again freely.
        """

    def passing(self, kql: str, predicate: str, slice_: str) -> list[Row]:
        """Those rows of `query(kql, slice_)`, the same objects, for which a KQL predicate holds. Raises QueryFailed."""

    def columns(self, kql: str) -> dict[str, str]:
        """The columns of a query's output and their KQL types. Raises QueryFailed."""

    def speaks_of_nothing(self, kql: str) -> bool:
        """Whether a query yields rows over empty tables, at the engine's own time. Raises QueryFailed."""

    def row_by_row(self, kql: str) -> bool:
        """Whether a query says the same of a row whatever other rows there are. Raises QueryFailed."""

    def tables(self, kql: str) -> set[str]:
        """Which of the tables a query reads. Raises QueryFailed."""

    def matching(self, table: str, slice_: str, row: Row) -> list[Row]:
        """The rows of a table, hidden columns included, that a row of a query's output came from.

        Where the engine can't know that: those that agree with `row` on every column they share.
        """

    def put(self, table: str, slice_: str, rows: list[Row]) -> None:
        """Make these rows of a table (hidden columns included) the whole of a slice."""

    def together(self, slices: Sequence[str]) -> str:
        """The name of a slice that has the rows of all of these, for queries and counts; it is none of `slices()`."""

    def over(self, rows: list[Row], kql: str, lets: str = "") -> list[Row]:
        """Those of `rows`, all of one query's output, that a tail such as `| where Name == "x"` lets pass.

        `lets` are the `let` statements that the tail refers to. Raises QueryFailed.
        """

    def numbered(self, table: str, slice_: str) -> dict[int, Row]:
        """The rows of a table in a slice, hidden columns included, by the numbers that `Run.visible` names them by."""

    def replay(self, kql: str, runs: Sequence[Run]) -> list[list[Row]]:
        """The rows that a query gives at each of these runs, in no order, over what the run sees and nothing else.

        Raises QueryFailed, also for a query that can't be run at many times at once.
        """

    def slices(self) -> set[str]:
        """The slices that there are, those that were put among them."""

    def spans(self) -> dict[str, dict[str, Span]]:
        """When the rows of each slice of each table were generated, by table and slice."""

    def count(self, slice_: str) -> dict[str, int]:
        """How many rows each table has in a slice."""
