"""Which runs of a rule see which events: the arithmetic of its schedule. The engine then runs the rule on them.

Sources: «Scheduled analytics rules in Microsoft Sentinel»: a run looks at the events generated in its look-back, and
is executed five minutes after its scheduled time. «Handle ingestion delay in scheduled analytics rules»
(learn.microsoft.com/azure/sentinel/ingestion-delay): an event that is ingested after the last such run is missed.
«Quick threat detection with near-real-time (NRT) analytics rules»: a run each minute over what was ingested in the
minute before, two minutes late.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.schedule import Schedule
from harness.study.schedule.ingestion import Arrival


@dataclass(frozen=True)
class ScheduledRun:
    """One run. Times are seconds after the attack's exec.

    `scheduled` is the end of its look-back and the query's `now()`; its alert would appear at `executed`.
    `visible` are the numbers of the events that it sees, one for each copy.
    """

    scheduled: float
    executed: float
    visible: tuple[int, ...]


@dataclass(frozen=True)
class Timetable:
    """The runs of a rule. `phase` is how long after the attack's exec one of them is scheduled, in seconds."""

    schedule: Schedule
    phase: float

    def runs(self, arrivals: Sequence[Arrival]) -> list[ScheduledRun]:
        """The runs that see any of these arrivals, by time."""
        seen: dict[int, list[int]] = {}
        for arrival in arrivals:
            for number in self._seeing(arrival):
                seen.setdefault(number, []).append(arrival.number)
        return [self._run(number, seen[number]) for number in sorted(seen)]

    def sees(self, arrival: Arrival) -> bool:
        """Whether any run sees it; if not, it is lost."""
        return bool(self._seeing(arrival))

    def _seeing(self, arrival: Arrival) -> range:
        """The numbers of the runs that see an event; run 0 is scheduled at `phase`.

        A scheduled rule's run at T sees what was generated in (T - period, T] and ingested by the time that it is
        executed; a near-real-time rule's what was ingested in (T - period, T].
        """
        schedule = self.schedule
        if schedule.kind == "NRT":
            first, end = arrival.ingested, arrival.ingested + schedule.period
        else:
            first = max(arrival.generated, arrival.ingested - schedule.delay)
            end = arrival.generated + schedule.period
        return range(self._number_from(first), self._number_from(end))

    def _number_from(self, time: float) -> int:
        """The number of the first run that is scheduled at a time or after it.

        Rounded to a billionth of the frequency, so that `x` and `x + frequency` always are one run apart.
        """
        return math.ceil(round((time - self.phase) / self.schedule.frequency, 9))

    def _run(self, number: int, visible: list[int]) -> ScheduledRun:
        scheduled = self.phase + number * self.schedule.frequency
        return ScheduledRun(scheduled, scheduled + self.schedule.delay, tuple(sorted(visible)))
