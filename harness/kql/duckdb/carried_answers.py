"""The output of a query that ran once for all slices: its rows by slice, and which of them pass predicates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from harness.kql.engine import Row


class CarriedRow(dict[str, Any]):
    """A row of a query's output that knows the number of the table row that it came from."""

    __slots__ = ("origin",)

    def __init__(self, names: list[str], values: tuple[Any, ...], origin: int) -> None:
        super().__init__(zip(names, values, strict=True))
        self.origin = origin


@dataclass
class Answer:
    """`values` are the output's rows, `origins` the numbers of the table rows that they came from.

    `passing` has, by predicate and slice, the places of the rows for which it holds. `age` is the age of the tables.
    A row becomes a dict when it is first needed, and stays the same object.
    """

    columns: dict[str, str]
    values: list[tuple[Any, ...]]
    origins: list[int]
    by_slice: dict[str, list[int]]
    age: int
    passing: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    _rows: dict[int, Row] = field(default_factory=dict)

    def rows(self, slices: Iterable[str], predicate: str | None = None) -> list[Row]:
        """The rows of slices, in order; with a `predicate`, which is in `passing`, only those that pass it."""
        places: list[int] = []
        for slice_ in slices:
            numbers = self.by_slice.get(slice_, [])
            places += numbers if predicate is None else [numbers[n] for n in self.passing[predicate].get(slice_, ())]
        return [self._row(number) for number in sorted(places)]

    def pass_(self, predicate: str, numbers: set[int], numbered: Answer) -> None:
        """Note which rows pass a predicate. `numbers` are those of `numbered`, an answer to the same query."""
        self.passing[predicate] = {
            slice_: {place for place, number in enumerate(held) if number in numbers}
            for slice_, held in numbered.by_slice.items()
        }

    def _row(self, number: int) -> Row:
        if number not in self._rows:
            self._rows[number] = CarriedRow(list(self.columns), self.values[number], self.origins[number])
        return self._rows[number]
