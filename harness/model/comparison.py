"""Two results compared, `livefire.diff/1`: what the JSON holds and reports read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, model_validator

from harness.model.part import Part

SCHEMA = "livefire.diff/1"
Kind = Literal["regression", "improvement", "change"]
KINDS: tuple[Kind, ...] = ("regression", "improvement", "change")  # the worst first


class Cause(StrEnum):
    """What may have changed a verdict, in the order in which it is asked; the first that did is held to be the cause.

    `new` and `gone` are for what only one of the results has.
    """

    EXPECTATION = "expectation"
    RULE = "rule"
    ATOMIC = "atomic"
    VERSION = "version"
    LAB = "lab"
    HEALTH = "health"
    FLAKE = "flake"
    NEW = "new"
    GONE = "gone"


class RuleChange(Part):
    """A rule whose query is another one.

    `lines` are a unified diff without its two headings. Where there is none, `untold` says which side is to blame:
    `old` or `new`, which does not hold the text, or judged several rules of this name.
    """

    rule: str
    versions: tuple[str, str]
    lines: tuple[str, ...]
    untold: str = ""


class Difference(Part):
    """One thing that changed. `atomic` may be a figure instead: `background`, `proof of the rule`, `recall of F`,
    `benign runs of F`.

    `before` and `after` are verdicts or counts, empty where there was none; `detail` are the facts of the cause,
    `reason` is what the new result says of its verdict. In JSON the list it stands in says the `kind`.
    """

    kind: Kind = Field(exclude=True)
    atomic: str
    rule: str
    before: str
    after: str
    cause: Cause
    detail: str
    reason: str = ""


class Comparison(Part):
    """All differences, and what differs between the inputs of the two sides, whether it changed a verdict or not.

    `old` and `new` are ids of runs. `unjudged` are the rules that one side alone judged: by rule, the side (`old` or
    `new`) that did not.
    """

    schema_: Literal["livefire.diff/1"] = Field(alias="schema", default="livefire.diff/1")
    old: tuple[str, ...]
    new: tuple[str, ...]
    inputs: dict[Cause, str]
    rules: tuple[RuleChange, ...] = ()
    unjudged: dict[str, str] = Field(default_factory=dict)
    regressions: tuple[Difference, ...] = ()
    improvements: tuple[Difference, ...] = ()
    changes: tuple[Difference, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _with_kinds(cls, document: Any) -> Any:
        """What was read says the kind of a difference by the list it stands in."""
        if not isinstance(document, Mapping):
            return document
        told = {f"{kind}s": _told(document[f"{kind}s"], kind) for kind in KINDS if f"{kind}s" in document}
        return {**document, **told}

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All of them, the worst first."""
        return self.regressions + self.improvements + self.changes

    def of(self, kind: Kind) -> list[Difference]:
        """The differences of one kind."""
        return [difference for difference in self.differences if difference.kind == kind]

    @property
    def worse(self) -> bool:
        """Whether there is a regression."""
        return bool(self.regressions)


def by_kind(differences: Iterable[Difference]) -> dict[str, list[Difference]]:
    """The lists of a comparison, by their names, each in the order that is given."""
    given = list(differences)
    return {f"{kind}s": [one for one in given if one.kind == kind] for kind in KINDS}


def _told(differences: Any, kind: Kind) -> Any:
    if not isinstance(differences, Sequence):
        return differences
    return [{**one, "kind": kind} if isinstance(one, Mapping) else one for one in differences]
