"""The mutants of one rule and the status of each, `livefire.mutation/1`: what the JSON holds and reports read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from harness.errors import Position
from harness.model.part import Part

SCHEMA = "livefire.mutation/1"
Status = Literal["killed", "live", "equivalent", "invalid"]


class Mutant(Part):
    """One change of the rule, at `at` in its file, and its status. `suggestion` says what would kill a live mutant.

    `killed_by` are atomics, `background`, `window` or `lint`. An `equivalent` mutant is proven so, and `suggestion`
    says why; the engine can't run an `invalid` one. `line` and `column` are in the query, from 1.
    """

    operator: str
    line: int
    column: int
    before: str
    after: str
    at: str
    status: Status
    killed_by: list[str] = Field(default_factory=list)
    suggestion: str = ""

    @property
    def position(self) -> Position:
        """`at` as a place in a file."""
        path, line, column = self.at.rsplit(":", 2)
        return Position(Path(path), int(line), int(column))


class Mutants(Part):
    """All mutants of one rule. `score` is the share of killed ones among killed and live, by `cases` atomics."""

    schema_: Literal["livefire.mutation/1"] = Field(alias="schema", default="livefire.mutation/1")
    rule: str
    cases: int
    score: float = Field(ge=0, le=1)
    mutants: list[Mutant]

    @property
    def operators(self) -> dict[str, dict[str, int]]:
        """By operator, in the order of the rule's text, how many mutants are of each status."""
        counts: dict[str, dict[str, int]] = {}
        for mutant in self.mutants:
            of_operator = counts.setdefault(mutant.operator, {})
            of_operator[mutant.status] = of_operator.get(mutant.status, 0) + 1
        return counts

    def of(self, status: Status) -> list[Mutant]:
        """The mutants of one status."""
        return [mutant for mutant in self.mutants if mutant.status == status]
