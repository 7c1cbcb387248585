"""The result of one atomic under one rule: what was expected, what was observed, and the evidence."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, FiniteFloat

from harness.model.moment import Moment
from harness.model.observed import Evidence, Executed, SensorHealth, SignalResult
from harness.model.part import Part
from harness.model.variant import Variant
from harness.model.verdict import Verdict


class Fired(Part):
    """Whether the rule fired, and on how many rows. `companions` counts rows that the expectation allows."""

    expected: bool
    actual: bool
    rows: int
    expected_rows: int
    companions: int = 0


class Flag(Part):
    """One flag; `actual` is None where the rule did not fire or its rows disagree.

    `grounds` maps each word that must set the flag by itself to whether it does.
    """

    expected: bool | None
    actual: bool | None
    grounds: dict[str, bool] = Field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether it is as expected, on each of its grounds."""
        return self.actual is self.expected and all(self.grounds.values())

    @property
    def reserve(self) -> str:
        """`true, but not by 'x' alone`, for a flag that is as expected, but not on each of its grounds; else empty."""
        words = [f"'{word}'" for word, holds in self.grounds.items() if not holds]
        if not words or self.actual is not self.expected:
            return ""
        return f"{str(self.actual).lower()}, but not by {' or '.join(words)} alone"


class Alert(Part):
    """One row that the rule returned, and the table rows that it came from."""

    row: dict[str, Any]
    evidence: list[Evidence] = Field(default_factory=list)


class NearMiss(Part):
    """Why the rule was silent: the first predicate that rejected the closest row, and its values."""

    predicate: str
    at: str
    values: dict[str, Any]
    passed: list[str] = Field(default_factory=list)
    evidence: Evidence | None = None


class Latency(Part):
    """Seconds from exec to when the last required signal could be read, and to the alert (None in a replay).

    `sensors` has the same for the signals of each sensor by itself; a sensor without a known time is left out.
    """

    detonated: Moment | None = None
    telemetry: FiniteFloat | None = None
    sensors: dict[str, FiniteFloat] = Field(default_factory=dict)
    alert: FiniteFloat | None = None


class VariantResult(Part):
    """An atomic that is another way to do what `of` does, and how it compares with it.

    `equivalence`: `identical` effect; `covers` that effect and more; `different`; `none` at all; `unknown` where there
    is nothing to compare with. `held_out` says that it was kept aside while rules were written. `seen_by` are the
    sensors with rows. `flags_right` says that the rule fired with the right flags, known gaps aside.
    """

    of: str
    family: str
    name: str
    held_out: bool
    equivalence: Literal["identical", "covers", "different", "none", "unknown"]
    differences: list[str] = Field(default_factory=list)
    seen_by: list[str] = Field(default_factory=list)
    flags_right: bool = False

    @classmethod
    def of_skipped(cls, variant: Variant) -> VariantResult:
        """For a variant that was not detonated."""
        names = {"of": variant.of, "family": variant.family, "name": variant.name}
        return cls(**names, held_out=variant.held_out, equivalence="unknown")

    @property
    def equivalent(self) -> bool:
        """Whether it does at least what its atomic does."""
        return self.equivalence in ("identical", "covers")


class Inputs(Part):
    """SHA-256 of the rule's query and of what was expected, in hex; empty in older results."""

    rule: str = ""
    expectation: str = ""


class AtomicResult(Part):
    """One atomic under one rule. `at` is the expectation's position; `benign` the family of a benign run.

    `may_skip` is why the expectation allows it to be skipped.
    """

    atomic: str
    guid: str
    name: str
    technique: str
    rule: str
    at: str
    inputs: Inputs = Field(default_factory=Inputs)
    verdict: Verdict
    reason: str
    executed: Executed
    health: list[SensorHealth] = Field(default_factory=list)
    signals: list[SignalResult] = Field(default_factory=list)
    fired: Fired
    flags: dict[str, Flag] = Field(default_factory=dict)
    alerts: list[Alert] = Field(default_factory=list)
    near_miss: NearMiss | None = None
    latency: Latency = Field(default_factory=Latency)
    benign: str = ""
    may_skip: str = ""
    variant: VariantResult | None = None
