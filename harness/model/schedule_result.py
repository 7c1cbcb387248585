"""What a simulated schedule makes of recorded attacks, `livefire.schedule/1`: what the JSON holds and reports read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from harness.model.part import Part
from harness.model.schedule import Schedule
from harness.model.spread import Spread

SCHEMA = "livefire.schedule/1"
_Count = Annotated[int, Field(ge=0, lt=2**53)]  # shares of it are exact


class Assumptions(Part):
    """What was simulated: shares are from 0 to 1, `late_by` is in seconds. The same seed gives the same result."""

    delay: str
    late_share: FiniteFloat
    late_by: FiniteFloat
    duplicates: FiniteFloat
    out_of_order: bool
    draws: int
    seed: int


class AtomicSchedule(Part):
    """One atomic, which the rule is expected to fire on. `at` is the expectation's position.

    In each of `draws` the schedule begins at another time and the events have other delays. `missed` counts those
    without an alert, `missed_by_loss` those of them in which an event was lost. `first_alert` is in seconds from exec;
    `runs` and `alerts` are how many runs raised an alert, and how many alerts that were, where there was one.
    `events` and `lost` count events over all draws; lost are those that no run could see. `longest_delay` is in
    seconds.
    `fires_at_once` says whether the rule fires where it sees all events at once, whatever the schedule.
    """

    atomic: str
    at: str
    fires_at_once: bool
    draws: Annotated[int, Field(ge=1, lt=2**53)]
    missed: _Count
    missed_by_loss: _Count
    first_alert: Spread | None
    runs: Spread | None
    alerts: Spread | None
    events: _Count
    lost: _Count
    longest_delay: FiniteFloat

    @property
    def missed_share(self) -> float:
        """From 0 to 1."""
        return self.missed / self.draws

    @property
    def lost_share(self) -> float:
        """From 0 to 1; 0 where there are no events."""
        return self.lost / self.events if self.events else 0.0


class Weakness(Part):
    """Something that is wrong with a schedule, what it does, and what would cure it. `at` is in the rule's file."""

    kind: Literal["silent", "lost", "split", "repeated", "idle"]
    at: str
    text: str
    cure: str


class ScheduleResult(Part):
    """A rule's schedule over some recordings. `rule` is its id, `path` its file.

    `idle_alert` says that a run alerts where nothing of the attack is to be seen. `max_missed` is the share of draws
    without an alert that was allowed of each atomic; `passed` says whether it holds.
    """

    schema_: Literal["livefire.schedule/1"] = Field(alias="schema", default="livefire.schedule/1")
    rule: str
    path: str
    schedule: Schedule
    assumptions: Assumptions
    recordings: list[str]
    atomics: list[AtomicSchedule]
    idle_alert: bool
    weaknesses: list[Weakness] = Field(alias="findings")
    max_missed: FiniteFloat
    passed: bool
