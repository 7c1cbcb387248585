"""Optional capabilities of an engine, each a Protocol beside `Engine`. `workspace.py` checks which an engine has.

For each missing one there is a plain way over any engine: `plain_tables.py`, `plain_filtering.py`, `plain_planning.py`,
`plain_rerunning.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from harness.kql.engine import NOTHING, Row
from harness.recording.layout import Root


@dataclass(frozen=True)
class Run:
    """One run of a query: the numbers of the table rows that it sees, a duplicate twice, and its `now()`."""

    visible: tuple[int, ...]
    now: datetime


@dataclass(frozen=True)
class Span:
    """The rows of one slice of one table: how many, the first and the last, and one without a time.

    Times (`TimeGenerated`) are UTC; a record is `raw/FILE:LINE`, or empty.
    """

    rows: int
    first: datetime | None
    first_record: str
    last: datetime | None
    last_record: str
    timeless_record: str = ""


@runtime_checkable
class TableKeeping(Protocol):
    """Keeps the rows of all slices, hidden columns included. Each method raises LimitMet."""

    def load(self, root: Root) -> None:
        """Load the tables of a recording's folder, `tables/NAME.parquet` each, as they were sealed.

        To be called before any KQL runs. Raises OtherColumns; then nothing is loaded.
        """

    def put(self, slice_: str, tables: Mapping[str, Sequence[Row]]) -> None:
        """As in Engine."""

    def together(self, slices: Sequence[str]) -> str:
        """The name of a slice with the rows of all of these slices; `slices()` does not list it."""

    def numbered(self, table: str, slice_: str) -> dict[int, Row]:
        """The rows of a table in a slice, hidden columns included, by their numbers, as `Run.visible` uses them."""

    def slices(self) -> set[str]:
        """All slices, loaded or put."""

    def spans(self) -> dict[str, dict[str, Span]]:
        """The spans of the rows, by table and slice."""

    def count(self, slice_: str) -> dict[str, int]:
        """How many rows each table has in a slice."""


@runtime_checkable
class Filtering(Protocol):
    """Finds the rows of an output for which a predicate holds."""

    def passing(
        self, rows: Sequence[Row], predicate: str, *, slice_: str = NOTHING, lets: str = "", of: str = ""
    ) -> list[Row]:
        """The same objects of `rows` for which a KQL predicate holds. Raises QueryFailed, LimitMet.

        `lets` are `let` statements that the predicate uses; it reads the tables of `slice_`. `of` is the query, where
        `rows` are its complete output over that slice; otherwise empty.
        """


@runtime_checkable
class Planning(Protocol):
    """Analyses a query without running it over any slice. Each method raises QueryFailed, LimitMet."""

    def columns(self, kql: str) -> dict[str, str]:
        """The columns of a query's output and their KQL types."""

    def tables(self, kql: str) -> set[str]:
        """The tables that a query reads."""

    def row_by_row(self, kql: str) -> bool:
        """Whether a query is known to treat each row independently of all other rows."""

    def speaks_of_nothing(self, kql: str) -> bool:
        """Whether a query yields rows over empty tables, at the engine's own time."""


@runtime_checkable
class Rerunning(Protocol):
    """Runs a query at many times over chosen rows."""

    def rerun(self, kql: str, runs: Sequence[Run]) -> list[list[Row]]:
        """The rows that a query gives at each of these runs, in no order; a run sees its visible rows only.

        Raises LimitMet, and QueryFailed, also for a query that can't be run at many times at once.
        """
