"""What is known of one atomic under one rule, before it is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.judge.vectors import flags_of
from harness.model.atomic_result import Flag, VariantResult
from harness.model.expectation import Entry, Expectation
from harness.model.observed import Executed, SensorHealth, SignalResult


@dataclass(frozen=True)
class Answer:
    """The answer of a rule over one slice: the atomic's own rows, and the number of companions.

    `grounds` hold, by flag and word, whether the rule sets the flag by that word alone.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    companions: int = 0
    grounds: dict[str, dict[str, bool]] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """All that is known of one atomic under one rule before it is judged.

    `lacking` is why it can't be judged on this lab; empty where it can.
    """

    executed: Executed
    answer: Answer = field(default_factory=Answer)
    lacking: str = ""
    health: list[SensorHealth] = field(default_factory=list)
    signals: list[SignalResult] = field(default_factory=list)
    variant: VariantResult | None = None


@dataclass(frozen=True)
class Known:
    """What is expected, and the facts."""

    expectation: Expectation
    facts: Facts

    @property
    def entry(self) -> Entry:
        """The entry of the expectation, as written."""
        return self.expectation.entry

    @property
    def rows(self) -> int:
        """The number of the atomic's own alerts."""
        return len(self.facts.answer.rows)

    def ill(self) -> dict[str, str]:
        """The sensors that were not healthy, each with its first problem."""
        return {health.sensor: health.problems[0] for health in self.facts.health if not health.ok}

    def absent(self) -> list[SignalResult]:
        """The parts of the effect that were not observed."""
        return [result for result in self.facts.executed.oracle if not result.seen]

    def unheard(self) -> list[str]:
        """The problems of unhealthy sensors, which could not have seen the missing effect."""
        ill = self.ill()
        return [ill[sensor] for result in self.absent() for sensor in result.rests_on if sensor in ill]

    def unseen(self) -> list[SignalResult]:
        """The signals that are missing."""
        return [signal for signal in self.facts.signals if not signal.seen]

    def flags(self) -> dict[str, Flag]:
        """The flags, expected and actual."""
        return flags_of(self.expectation, self.facts.answer.rows, self.facts.answer.grounds)

    def wrong(self) -> dict[str, Flag]:
        """The wrong flags."""
        return {name: flag for name, flag in self.flags().items() if not flag.right}
