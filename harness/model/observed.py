"""What was observed of an attack, as a result holds it: its execution, its signals with their rows, its sensors."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from harness.model.part import Part


class Evidence(Part):
    """A table row that a claim rests on. `record` is `raw/FILE:LINE`; `facts` are its most useful columns."""

    record: str
    table: str
    facts: dict[str, Any]


class SignalResult(Part):
    """Whether a required signal (or the oracle) was seen, and on which rows.

    `sensors` are all that it needs, `sensor` the first of them.
    """

    name: str
    sensor: str
    sensors: list[str] = Field(default_factory=list)
    seen: bool
    evidence: list[Evidence] = Field(default_factory=list)

    @property
    def rests_on(self) -> list[str]:
        """The sensors; older results name only one."""
        return self.sensors or [self.sensor]


class Executed(Part):
    """The attack as it ran, and whether its effect was observed. `timed_out`: it was ended at its time limit.

    `given_up` says which part of the lab had died, where the attack was ended for that reason. `survivors` are the pids
    of processes that outlived its shell and were ended.
    """

    ran: bool
    timed_out: bool = False
    given_up: str = ""
    effect: bool
    command: str = ""
    pid: int | None = None
    session: int | None = None
    exit_code: int | None = None
    survivors: list[int] = Field(default_factory=list)
    oracle: list[SignalResult] = Field(default_factory=list)


class SensorHealth(Part):
    """The health of one sensor around one atomic."""

    sensor: str
    ok: bool
    problems: list[str] = Field(default_factory=list)
