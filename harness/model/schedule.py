"""When an analytic rule runs, over which telemetry, and what raises an alert: the scheduling keys of Sentinel.

Sources: «Scheduled analytics rules in Microsoft Sentinel» (limits, threshold, grouping, suppression, the five-minute
delay), learn.microsoft.com/azure/sentinel/scheduled-rules-overview; «Quick threat detection with near-real-time (NRT)
analytics rules», …/near-real-time-rules; the schema that Azure-Sentinel's own checks use for templates (both spellings
of the operator, thresholds to 10000, and that a look-back of two days or more runs once an hour at most).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationInfo, field_validator

from harness.model.duration import format_duration, parse_duration

Operator = Literal["gt", "lt", "eq", "ne"]
Grouping = Literal["SingleAlert", "AlertPerResult"]

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=14)
_LONG_PERIOD, _ITS_FREQUENCY = timedelta(days=2), timedelta(hours=1)
_LONGEST_SUPPRESSION = timedelta(hours=24)
_OPERATORS = {"GreaterThan": "gt", "LessThan": "lt", "Equal": "eq", "NotEqual": "ne"}


def _duration(value: Any) -> Any:
    return value if value is None or isinstance(value, timedelta) else parse_duration(str(value))


def _operator(value: Any) -> Any:
    return _OPERATORS.get(value, value) if isinstance(value, str) else value


def _kind(value: Any) -> Any:
    """The kind in any letter case: the style guide writes `scheduled`."""
    known = {"scheduled": "Scheduled", "nrt": "NRT"}
    return known.get(value.lower(), value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]


class _Grouping(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    aggregationKind: Grouping = "SingleAlert"


class ScheduleKeys(BaseModel):
    """The keys of a rule's YAML that say when it runs. An NRT rule ignores the keys of a scheduled rule."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Annotated[Literal["Scheduled", "NRT"], BeforeValidator(_kind)] = "Scheduled"
    queryFrequency: Duration | None = None
    queryPeriod: Duration | None = None
    triggerOperator: Annotated[Operator, BeforeValidator(_operator)] | None = None
    triggerThreshold: int | None = Field(default=None, ge=0, le=10000)
    suppressionDuration: Duration | None = None
    suppressionEnabled: bool = False
    eventGroupingSettings: _Grouping = _Grouping()

    @field_validator("queryFrequency", "queryPeriod")
    @classmethod
    def _within_limits(cls, value: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if value is not None and info.data.get("kind") == "Scheduled" and not SHORTEST <= value <= LONGEST:
            raise ValueError(f"{format_duration(value)} is outside of what Sentinel allows, 5m to 14d")
        return value

    @field_validator("queryPeriod")
    @classmethod
    def _covers(cls, period: timedelta | None, info: ValidationInfo) -> timedelta | None:
        frequency = info.data.get("queryFrequency")
        if period is None or frequency is None or info.data.get("kind") != "Scheduled":
            return period
        setting = f"a look-back of {format_duration(period)} with a run every {format_duration(frequency)}"
        if period < frequency:
            raise ValueError(f"{setting} leaves gaps that no run sees: it must be at least queryFrequency")
        if period >= _LONG_PERIOD and frequency < _ITS_FREQUENCY:
            raise ValueError(f"{setting} is refused by Sentinel: from 2d on, queryFrequency must be 1h or more")
        return period

    @field_validator("suppressionDuration")
    @classmethod
    def _short(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and not SHORTEST <= value <= _LONGEST_SUPPRESSION:
            raise ValueError(f"{format_duration(value)} is outside of what Sentinel allows, 5m to 24h")
        return value


class Schedule(BaseModel):
    """How a rule is run. Durations are seconds.

    A scheduled rule runs every `frequency`, over events generated in the last `period`, and is executed `delay` later.
    A near-real-time rule runs every minute, over events ingested in the last minute.
    `suppression` is how long the rule does not run after an alert; 0 for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["Scheduled", "NRT"]
    frequency: FiniteFloat
    period: FiniteFloat
    delay: FiniteFloat
    operator: Operator
    threshold: int
    grouping: Grouping
    suppression: FiniteFloat

    @classmethod
    def of(cls, keys: ScheduleKeys) -> Schedule | None:
        """The schedule that a rule's keys give; None for a scheduled rule that does not say how often it runs.

        An NRT rule has no threshold: any row raises an alert.
        """
        suppression = keys.suppressionDuration if keys.suppressionEnabled else None
        common: dict[str, Any] = {
            "grouping": keys.eventGroupingSettings.aggregationKind,
            "suppression": suppression.total_seconds() if suppression else 0.0,
        }
        if keys.kind == "NRT":
            return cls(kind="NRT", frequency=60, period=60, delay=120, operator="gt", threshold=0, **common)
        if keys.queryFrequency is None or keys.queryPeriod is None:
            return None
        return cls(
            kind="Scheduled",
            frequency=keys.queryFrequency.total_seconds(),
            period=keys.queryPeriod.total_seconds(),
            delay=300,
            operator=keys.triggerOperator or "gt",
            threshold=keys.triggerThreshold or 0,
            **common,
        )

    def triggers(self, rows: int) -> bool:
        """Whether a run whose query returns this many rows raises an alert."""
        return {
            "gt": rows > self.threshold,
            "lt": rows < self.threshold,
            "eq": rows == self.threshold,
            "ne": rows != self.threshold,
        }[self.operator]

    def alerts(self, rows: int) -> int:
        """How many alerts a run raises. With AlertPerResult at most 150; the last one then sums up the rest."""
        if not self.triggers(rows):
            return 0
        return min(max(rows, 1), 150) if self.grouping == "AlertPerResult" else 1
