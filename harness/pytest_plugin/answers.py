"""What the tests of a session ask of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

import pytest

from harness.model.expectation import Expectation
from harness.pytest_plugin.collected import Collected
from harness.pytest_plugin.shared import Outcome


class Answers(Protocol):
    """What `SessionPlugin` answers. The session knows its tests, so they know no more of it than this."""

    collected: Collected

    def mistakes(self, path: Path, expectations: list[Expectation]) -> str:
        """Every mistake in a file of expectations and its rule."""

    def holds_variants(self, expectation: Expectation) -> bool:
        """Whether there are, or will be, variants to judge by this expectation; notes that it was collected."""

    def outcomes(self, session: pytest.Session, expectation: Expectation) -> list[Outcome]:
        """What judging the rule of an expectation came to."""

    def tell(self, error: str) -> str:
        """An error as a whole to the first test that meets it, and its first line to the others."""


def answers_of(node: pytest.Item | pytest.Collector) -> Answers:
    """Those of the session of this process; there is one whenever anything of ours is collected."""
    found: Any = node.config.pluginmanager.get_plugin("livefire-session")
    return cast(Answers, found)
