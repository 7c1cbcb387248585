"""What an engine may do by a method of its own, each a Protocol beside `Engine`. `workspace.py` asks which it has.

For an engine that has one not, there is a plain way: `plain_tables.py`, `plain_filtering.py`, `plain_planning.py`,
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
    """Of the rows of one slice of one table: how many, and the first, the last and one without a time.

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
    """Keeps the rows of all slices, hidden columns included, and tells of them. Each method raises LimitMet."""

    def load(self, root: Root) -> None:
        """Load the tables of a recording's folder, `tables/NAME.parquet` each, as they were sealed.

        Raises OtherColumns, and has loaded nothing then. Before any KQL is seen.
        """

    def put(self, slice_: str, tables: Mapping[str, Sequence[Row]]) -> None:
        """As in Engine."""

    def together(self, slices: Sequence[str]) -> str:
        """The name of a slice that has the rows of all of these; it is none of `slices()`."""

    def numbered(self, table: str, slice_: str) -> dict[int, Row]:
        """The rows of a table in a slice, hidden columns included, by the numbers that `Run.visible` names them by."""

    def slices(self) -> set[str]:
        """The slices that there are, those that were put among them."""

    def spans(self) -> dict[str, dict[str, Span]]:
        """When the rows of each slice of each table were generated, by table and slice."""

    def count(self, slice_: str) -> dict[str, int]:
        """How many rows each table has in a slice."""


@runtime_checkable
class Filtering(Protocol):
    """Tells which rows of an output a predicate holds for."""

    def passing(
        self, rows: Sequence[Row], predicate: str, *, slice_: str = NOTHING, lets: str = "", of: str = ""
    ) -> list[Row]:
        """Those of `rows`, the same objects, for which a KQL predicate holds. Raises QueryFailed, LimitMet.

        `lets` are `let` statements that it refers to; tables that it looks into are those of `slice_`. `of` is the
        query whose whole output over the slice these rows are, if they are that.
        """


@runtime_checkable
class Planning(Protocol):
    """Tells of a query without running it over any slice. Each method raises QueryFailed, LimitMet."""

    def columns(self, kql: str) -> dict[str, str]:
        """The columns of a query's output and their KQL types."""

    def tables(self, kql: str) -> set[str]:
        """Which of the tables a query reads."""

    def row_by_row(self, kql: str) -> bool:
        """Whether a query is known to say the same of a row whatever other rows there are."""

    def speaks_of_nothing(self, kql: str) -> bool:
        """Whether a query yields rows over empty tables, at the engine's own time."""


@runtime_checkable
class Rerunning(Protocol):
    """Runs a query at many times over chosen rows."""

    def rerun(self, kql: str, runs: Sequence[Run]) -> list[list[Row]]:
        """The rows that a query gives at each of these runs, in no order, over what the run sees and nothing else.

        Raises LimitMet, and QueryFailed, also for a query that can't be run at many times at once.
        """
