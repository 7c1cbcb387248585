"""When each event of an attack would have been ingested: optionally late, twice, or in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from harness.study.schedule.delays import Delay, Late


@dataclass(frozen=True)
class Event:
    """A table row. `number` is the engine's; times are seconds after the attack's exec.

    `measured` is the delay in its recording, from generated to readable; None where it is not known.
    """

    number: int
    sensor: str
    generated: float
    measured: float | None


@dataclass(frozen=True)
class Arrival:
    """One copy of an event in the workspace. `ingested` is in seconds after the attack's exec."""

    number: int
    generated: float
    ingested: float


@dataclass(frozen=True)
class Ingestion:
    """How events get into the workspace. `duplicates` is the share of them, from 0 to 1, that is ingested twice.

    The events of one sensor share one delay, since they travel together; with `out_of_order` each has its own.
    """

    delay: Delay
    late: Late = field(default_factory=Late)
    duplicates: float = 0.0
    out_of_order: bool = False

    def arrivals(self, events: Sequence[Event], random: Random) -> list[Arrival]:
        """Arrivals of these events, drawn at random. A duplicate has its own delay."""
        shared = {sensor: self._drawn(random) for sensor in sorted({event.sensor for event in events})}
        arrivals = []
        for event in events:
            drawn = self._drawn(random) if self.out_of_order else shared[event.sensor]
            late = self.late.seconds if random.random() < self.late.share else 0.0
            arrivals.append(self._arrival(event, drawn, late))
            if random.random() < self.duplicates:
                arrivals.append(self._arrival(event, self._drawn(random), 0.0))
        return arrivals

    def _drawn(self, random: Random) -> float | None:
        return self.delay.draw(random) if self.delay.draw else None

    def _arrival(self, event: Event, drawn: float | None, late: float) -> Arrival:
        delay = (event.measured or 0.0) if drawn is None else drawn
        return Arrival(event.number, event.generated, event.generated + delay + late)
