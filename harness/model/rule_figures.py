"""The figures of a rule over all its cases: recall, false alarms, tuning, and whether it is proven."""

from __future__ import annotations

from pydantic import Field

from harness.model.part import Part


class RuleFacts(Part):
    """A rule as it was judged: the name of its file, and its query."""

    rule: str
    version: str
    query: str


class Recall(Part):
    """How many variants of a family were executed, are equivalent, made the rule fire, and with the right flags.

    `fired` and `flags_right` count equivalent variants only.
    """

    executed: int = 0
    equivalent: int = 0
    fired: int = 0
    flags_right: int = 0


class BenignRuns(Part):
    """A rule's alerts on one family of benign runs. `commands` counts executed processes, `flags` alerts by flag."""

    commands: int = 0
    alerts: int = 0
    flags: dict[str, int] = Field(default_factory=dict)


class FlagCounts(Part):
    """On how many alert rows a flag was set: rows of attacks, and rows of benign runs and the background."""

    attacks: int = 0
    benign: int = 0

    @property
    def precision(self) -> float | None:
        """The share of attacks among the rows with the flag, 0 to 1; None where it was never set."""
        total = self.attacks + self.benign
        return self.attacks / total if total else None


class TuningResult(Part):
    """A rule with an exclusion: the benign alerts left, and on how many attacks (variants included) it still fires."""

    name: str
    where: str
    alerts: int
    benign_alerts: int
    attacks: int
    fired: int

    @property
    def precision(self) -> float | None:
        """The share of alerts that attacks raised, 0 to 1; None without any alert."""
        return (self.alerts - self.benign_alerts) / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """The share of attacks on which the rule still fires, 0 to 1; None without any attack."""
        return self.fired / self.attacks if self.attacks else None


class RuleProof(Part):
    """Whether a rule is proven: on how many attacks it fires, and in how many benign runs it is silent, both PROVEN.

    `reason` says what is missing; empty where nothing is. `undecided`: what is missing was inconclusive or skipped.
    """

    rule: str
    attacks: int
    benign: int
    reason: str = ""
    undecided: bool = False

    @property
    def proven(self) -> bool:
        """Whether nothing is missing."""
        return not self.reason
