"""A schedule simulated over recorded attacks, `livefire.schedule/1`: what the JSON holds and reports read."""

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
    """One atomic on which the rule is expected to fire. `at` is the expectation's position.

    Each of `draws` begins the schedule at another time and delays the events otherwise. `missed` counts draws without
    an alert, `missed_by_loss` those of them in which an event was lost. `first_alert` is in seconds from exec. `runs`
    and `alerts` count, per draw with an alert, the runs that raised one and the alerts.
    `events` and `lost` count events over all draws; no run could see a lost event. `longest_delay` is in seconds.
    `fires_at_once` says whether the rule fires when it sees all events at once, whatever the schedule.
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
        """The share of draws without an alert, 0 to 1."""
        return self.missed / self.draws

    @property
    def lost_share(self) -> float:
        """The share of events that no run could see, 0 to 1; 0 where there are no events."""
        return self.lost / self.events if self.events else 0.0


class Weakness(Part):
    """A weakness of a schedule, its effect, and its cure. `at` is in the rule's file."""

    kind: Literal["silent", "lost", "split", "repeated", "idle"]
    at: str
    text: str
    cure: str


class ScheduleResult(Part):
    """A rule's schedule over some recordings. `rule` is its id, `path` its file.

    `idle_alert` says that a run alerts where it sees nothing of the attack. `max_missed` is the share of draws without
    an alert that was allowed for each atomic; `passed` says whether every atomic keeps to it.
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
