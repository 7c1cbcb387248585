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
    """What may have changed a verdict, in the order in which it is checked: the first that applies is the cause.

    `new` and `gone` are of an atomic that only one of the results has.
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
    """A rule whose query changed.

    `lines` are a unified diff without its two headings. Where there are none, `untold` is the side (`old` or `new`)
    that lacks the text, or that judged several rules of this name.
    """

    rule: str
    versions: tuple[str, str]
    lines: tuple[str, ...]
    untold: str = ""


class Difference(Part):
    """One thing that changed. `atomic` may be a figure instead: `background`, `proof of the rule`, `recall of F`,
    `benign runs of F`.

    `before` and `after` are verdicts or counts, empty where there was none. `detail` has the facts of the cause,
    `reason` is that of the new verdict. In JSON the `kind` is the name of the list.
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
    """All differences between two results, and which inputs differ, whether or not a verdict changed.

    `old` and `new` are ids of runs. `unjudged` are the rules that only one side judged: by rule, the side (`old` or
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
        """In JSON, the kind of a difference is the name of its list."""
        if not isinstance(document, Mapping):
            return document
        lists = {f"{kind}s": _with_kind(document[f"{kind}s"], kind) for kind in KINDS if f"{kind}s" in document}
        return {**document, **lists}

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All differences, the worst first."""
        return self.regressions + self.improvements + self.changes

    def of(self, kind: Kind) -> list[Difference]:
        """The differences of one kind."""
        return [difference for difference in self.differences if difference.kind == kind]

    @property
    def worse(self) -> bool:
        """Whether there is a regression."""
        return bool(self.regressions)


def by_kind(differences: Iterable[Difference]) -> dict[str, list[Difference]]:
    """The lists of a comparison by their names, each in the order given."""
    given = list(differences)
    return {f"{kind}s": [difference for difference in given if difference.kind == kind] for kind in KINDS}


def _with_kind(differences: Any, kind: Kind) -> Any:
    if not isinstance(differences, Sequence):
        return differences
    return [
        {**difference, "kind": kind} if isinstance(difference, Mapping) else difference for difference in differences
    ]
