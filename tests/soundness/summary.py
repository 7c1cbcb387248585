"""The figures at the end of a run of pytest: claims, sabotages tried, false PROVEN, wrongly blamed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.soundness.sabotage import Finding, Sabotage


@dataclass
class Tally:
    """Of one claim."""

    claim: str
    tried: int = 0
    false_proven: int = 0
    blamed: int = 0

    def count(self, sabotage: Sabotage, found: Finding | None) -> None:
        """Count one sabotage and what was wrong about its verdict."""
        self.tried += 1
        if found:
            self.false_proven += found.false_proven
            self.blamed += not found.false_proven

    def as_property(self) -> dict[str, Any]:
        """As it travels with the test's report, between processes too."""
        return self.__dict__


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures, where any of these tests ran."""
    told = [each for found in terminalreporter.stats.values() for each in found]
    reports = [each for each in told if isinstance(each, pytest.TestReport) and each.when == "call"]
    properties: list[Any] = [value for each in reports for name, value in each.user_properties if name == "soundness"]
    if not properties:
        return
    # what is shown elsewhere counts where it ran; imported here, since most runs of pytest need no table
    from tests.soundness.claims import CLAIMS

    elsewhere = {name for claim in CLAIMS for name in claim.elsewhere}
    ran = [each for each in reports if each.nodeid.partition("[")[0] in elsewhere]
    tallies = [Tally(**value) for value in properties]
    tried = sum(tally.tried for tally in tallies) + len(ran)
    terminalreporter.section("the judge, attacked")
    terminalreporter.line(
        f"{len(CLAIMS)} claims, {tried} sabotages tried ({len(ran)} of them elsewhere), "
        f"{sum(tally.false_proven for tally in tallies)} false PROVEN, "
        f"{sum(tally.blamed for tally in tallies) + sum(each.failed for each in ran)} wrongly blamed"
    )
