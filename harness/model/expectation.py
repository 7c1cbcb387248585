"""Expectations: what must hold for one atomic under one rule. They lie in `RULE.expect.yaml` beside `RULE.yaml`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.errors import Position
from harness.model.rule import Rule
from harness.model.source import YamlSource
from harness.model.variant import Variant

Sensor = Literal["auditd", "docker_daemon", "kube_audit"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Signal(_Strict):
    """Telemetry that must be there: `kql` over the tables returns at least one row.

    `cluster` restricts it to clusters with `nodes`, or to the `bare` control plane, where no pod runs. Its
    sensors follow from the tables that the KQL reads; a `sensor` that is named must be one of them.
    """

    name: str
    sensor: Sensor | None = None
    kql: str = Field(min_length=1)
    cluster: Literal["nodes", "bare"] | None = None


class Companion(_Strict):
    """Alert rows that may stand beside the atomic's own: a dispatcher, a shell wrapper. `where` is a KQL predicate."""

    reason: str
    where: str = Field(min_length=1)


class KnownEvasion(_Strict):
    """Variants of an atomic on which the rule is wrong in one way, for one reason.

    Without `flags` the rule is silent on them. With `flags` it fires, and these flags are wrong. `rows` has the wrong
    flags of each row, where several rows differ.
    """

    variants: list[str] = Field(min_length=1)
    reason: str = Field(min_length=1)
    flags: dict[str, bool] = Field(default_factory=dict)
    rows: list[dict[str, bool]] = Field(default_factory=list)

    def vectors(self, right: list[dict[str, bool]]) -> list[dict[str, bool]]:
        """The flags of each row that the rule gives; `right` are the correct ones. Empty where the rule is silent."""
        if self.rows:
            return [right[0] | row for row in self.rows]
        return [vector | self.flags for vector in right] if self.flags else []


class Entry(_Strict):
    """What is expected for one atomic, as written in the file."""

    # benign: the family of a benign run. false_alarms: how many alerts it is known to raise; known_gap says why.
    # known_gap: why the rule is silent, or, where it fires, why its flags are wrong.
    # may_skip: why the atomic may be skipped when a prerequisite is missing.
    # control: a quick benign run that a live run adds where none was selected, since a rule is not proven without one.
    # looks_for_silence: why the rule is right to fire over empty tables.
    # evade: every full run includes its variants. evasions: variants on which the rule is known to be wrong.
    # grounds: words of the command line; each of them alone must make the rule fire with this flag.
    # Two words that set the same flag hide each other: if the rule loses one of them, the flag is still set.
    # rows: how many rows there are, all with these flags; or the flag vector of each row, in any order.
    atomic: str
    oracle: list[Signal] = Field(default_factory=list)
    signals: list[Signal] = Field(default_factory=list)
    benign: str | None = Field(default=None, min_length=1)
    false_alarms: int | None = Field(default=None, ge=1)
    fires: bool
    rows: Annotated[int, Field(ge=1)] | Annotated[list[dict[str, bool]], Field(min_length=1)] | None = None
    flags: dict[str, bool] = Field(default_factory=dict)
    grounds: dict[str, Annotated[list[Annotated[str, Field(pattern=r"\S")]], Field(min_length=1)]] = {}
    companions: list[Companion] = Field(default_factory=list)
    known_gap: str | None = Field(default=None, min_length=1)
    may_skip: str | None = Field(default=None, min_length=1)
    looks_for_silence: str | None = Field(default=None, min_length=1)
    control: bool = False
    evade: bool = False
    evasions: list[KnownEvasion] = Field(default_factory=list)

    @model_validator(mode="after")
    def _consistent(self) -> Entry:
        if isinstance(self.rows, list) and self.flags:
            raise ValueError("rows already lists the flags of each row, so flags must be left out")
        if self.fires and not all(self.vectors):
            raise ValueError("a rule that fires needs its exact flags")
        if len({frozenset(vector) for vector in self.vectors}) > 1:
            raise ValueError("every row must name the same flags, true or false")
        if not self.fires and (self.flags or self.rows or self.companions):
            raise ValueError("a rule that does not fire has no flags, rows or companions")
        if self.benign and self.fires:
            raise ValueError("a rule must not fire on a benign run: set fires to false, and false_alarms if it does")
        if self.false_alarms and not (self.benign and self.known_gap):
            raise ValueError("false_alarms are for a benign run, and known_gap must say why they are raised")
        if self.benign and self.known_gap and not self.false_alarms:
            raise ValueError("the known_gap of a benign run is that it raises alerts: say how many with false_alarms")
        if self.control and (not self.benign or self.false_alarms):
            raise ValueError("a control is a benign run in which the rule is silent")
        if (self.evade or self.evasions) and not self.fires:
            raise ValueError("evade and evasions are for an atomic on which the rule fires")
        for name in self.grounds:
            if not any(vector.get(name) for vector in self.vectors):
                raise ValueError(f"grounds are for a flag that is expected to be true, and '{name}' is not")
        return self

    @property
    def vectors(self) -> list[dict[str, bool]]:
        """The flags of each expected row, in no order; empty where the rule must not fire."""
        if not self.fires:
            return []
        return self.rows if isinstance(self.rows, list) else [self.flags] * (self.rows or 1)


class Exclusion(_Strict):
    """A way to tune the rule: alerts for which `where` (a KQL predicate over the rule's output) holds are dropped."""

    name: str
    where: str = Field(min_length=1)


class MaySkip(_Strict):
    """Variants of any atomic in the file that may be skipped, and why."""

    variants: list[str] = Field(min_length=1)
    reason: str = Field(min_length=1)


class ExpectFile(_Strict):
    """A file of expectations, as written."""

    # signals_from: another rule's file of expectations, with the oracles and signals of the same atomics.
    # companions: they apply to every entry. tuning: exclusions whose gain and cost are measured.
    # may_skip: variants whose tools may be missing.
    signals_from: str | None = None
    companions: list[Companion] = Field(default_factory=list)
    tuning: list[Exclusion] = Field(default_factory=list)
    may_skip: list[MaySkip] = Field(default_factory=list)
    expectations: list[Entry] = Field(min_length=1)


@dataclass(frozen=True)
class Expectation:
    """What must hold for `entry.atomic` under `rule`; `index` is its place in the file.

    Where `variant` is set, it was derived from the expectation of the variant's atomic.
    """

    rule: Rule
    entry: Entry
    index: int
    source: YamlSource
    companions: tuple[Companion, ...] = ()
    tuning: tuple[Exclusion, ...] = ()
    variant: Variant | None = None
    skippable: tuple[MaySkip, ...] = ()

    @property
    def may_skip(self) -> str:
        """Why the atomic, or this variant, may be skipped; empty where it may not."""
        if self.variant is None:
            return self.entry.may_skip or ""
        return next((skip.reason for skip in self.skippable if self.variant.key in skip.variants), "")

    @property
    def atomic(self) -> str:
        """The id of the atomic."""
        return self.entry.atomic

    @property
    def rows(self) -> int:
        """How many alert rows the atomic's own command gives; 0 for none, and for a variant, where it is open."""
        if self.entry.fires and self.variant is None:
            return len(self.entry.vectors)
        return self.entry.false_alarms or 0

    @property
    def digest(self) -> str:
        """SHA-256 of what is expected. Defaults are left out, so that a new key changes no digest."""
        models = [self.entry, *self.companions]
        text = json.dumps([model.model_dump(mode="json", exclude_defaults=True) for model in models], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def at(self, *where: str | int) -> Position:
        """The position of a value of this expectation in the YAML."""
        return self.source.at(("expectations", self.index, *where))

    def at_kql(self, where: tuple[str | int, ...], line: int, column: int) -> Position:
        """The position of a place in a KQL text of this expectation in the YAML."""
        return self.source.in_block(("expectations", self.index, *where), line, column)
