"""The result of a run or a replay, `livefire.result/1`: what the JSON holds and what each report reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.model.manifest import LabFacts
from harness.model.verdict import ExitCode, Verdict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(_Part):
    """A table row that carries a claim. `record` is `raw/FILE:LINE`; `facts` are its telling columns."""

    record: str
    table: str
    facts: dict[str, Any]


class SignalResult(_Part):
    """Whether a required signal (or the oracle) was seen, and on which rows."""

    name: str
    sensor: str
    seen: bool
    evidence: list[Evidence] = Field(default_factory=list)


class Executed(_Part):
    """The attack as it ran, and whether its effect was observed."""

    ran: bool
    effect: bool
    command: str = ""
    pid: int | None = None
    session: int | None = None
    exit_code: int | None = None
    oracle: list[SignalResult] = Field(default_factory=list)


class SensorHealth(_Part):
    """The health of one sensor around one atomic."""

    sensor: str
    ok: bool
    problems: list[str] = Field(default_factory=list)


class Fired(_Part):
    """Whether the rule fired, and on how many rows. `companions` are rows that the expectation allows for."""

    expected: bool
    actual: bool
    rows: int
    expected_rows: int
    companions: int = 0


class Flag(_Part):
    """One flag; `actual` is None where the rule did not fire or its rows disagree.

    `grounds` says of each word that must set the flag by itself whether it does.
    """

    expected: bool | None
    actual: bool | None
    grounds: dict[str, bool] = Field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether it is as expected, on each of its grounds."""
        return self.actual is self.expected and all(self.grounds.values())


class Alert(_Part):
    """One row that the rule returned, and the table rows that it came from."""

    row: dict[str, Any]
    evidence: list[Evidence] = Field(default_factory=list)


class NearMiss(_Part):
    """Why a silent rule was silent: the first predicate that rejected the closest row, and its values."""

    predicate: str
    at: str
    values: dict[str, Any]
    passed: list[str] = Field(default_factory=list)
    evidence: Evidence | None = None


class Latency(_Part):
    """Seconds from exec to when the last required signal could be read, and to the alert (None in a replay)."""

    detonated: datetime | None = None
    telemetry: float | None = None
    alert: float | None = None


class AtomicResult(_Part):
    """One atomic under one rule. `at` is the expectation's position."""

    atomic: str
    guid: str
    name: str
    technique: str
    rule: str
    at: str
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


class Background(_Part):
    """What the rule said of everything that no atomic did: each alert there is a false positive."""

    rows: dict[str, int] = Field(default_factory=dict)
    alerts: dict[str, list[Alert]] = Field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of alerts, over all rules."""
        return sum(len(alerts) for alerts in self.alerts.values())


class EngineFacts(_Part):
    """What ran the KQL."""

    name: str
    versions: dict[str, str]


class Result(_Part):
    """Everything that one run or replay found. `summary` counts the verdicts."""

    schema_: Literal["livefire.result/1"] = Field(alias="schema", default="livefire.result/1")
    run_id: str
    recording: str
    started: datetime
    finished: datetime
    versions: dict[str, str]
    lab: LabFacts
    engine: EngineFacts
    results: list[AtomicResult]
    background: Background
    summary: dict[str, int]
    exit_code: ExitCode
