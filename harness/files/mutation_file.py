"""Reading what `livefire mutate --json` wrote, `livefire.mutation/1`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.files.documents import read_document

SCHEMA = "livefire.mutation/1"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mutant(_Part):
    """One change of the rule, at `at` in its file, and what became of it. `suggestion` would kill a live one."""

    operator: str
    line: int
    column: int
    before: str
    after: str
    at: str
    status: Literal["killed", "live", "equivalent", "invalid"]
    killed_by: list[str] = Field(default_factory=list)
    suggestion: str = ""


class Mutants(_Part):
    """All mutants of one rule. `score` is the share of those killed among those that could be, by `cases` atomics."""

    schema_: Literal["livefire.mutation/1"] = Field(alias="schema", default="livefire.mutation/1")
    rule: str
    cases: int
    score: float = Field(ge=0, le=1)
    mutants: list[Mutant]

    @property
    def operators(self) -> dict[str, dict[str, int]]:
        """By operator, in the order of the rule's text, how many mutants are of each status."""
        found: dict[str, dict[str, int]] = {}
        for mutant in self.mutants:
            counts = found.setdefault(mutant.operator, {})
            counts[mutant.status] = counts.get(mutant.status, 0) + 1
        return found

    def of(self, status: str) -> list[Mutant]:
        """Those of one status."""
        return [mutant for mutant in self.mutants if mutant.status == status]


def read_mutants(path: Path) -> Mutants:
    """What `livefire mutate --json F` wrote. Raises InvalidInput."""
    return read_document(path, Mutants, SCHEMA, hint="`livefire mutate RULE RECORDING --json F` writes one.")
