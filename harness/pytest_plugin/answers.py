"""What the tests of a session ask of its plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

import pytest

from harness.model.expectation import Expectation
from harness.pytest_plugin.collected import Collected
from harness.pytest_plugin.shared import Outcome


class Answers(Protocol):
    """The part of `SessionPlugin` that tests use. It imports the tests, so they can't import it."""

    collected: Collected

    def mistakes(self, path: Path, expectations: list[Expectation]) -> str:
        """Every mistake in a file of expectations and its rule, a line each or more; empty without any."""

    def holds_variants(self, expectation: Expectation) -> bool:
        """Whether there are, or will be, variants to judge by this expectation; notes that it was collected."""

    def outcomes(self, session: pytest.Session, expectation: Expectation) -> list[Outcome]:
        """The outcomes of judging the rule of an expectation."""

    def not_judged(self, error: str) -> str:
        """The message for an error: in full for the first test that meets it, its first line for the others."""


def answers_of(node: pytest.Item | pytest.Collector) -> Answers:
    """The plugin of the session in this process; it is registered before any of our tests is collected."""
    plugin: Any = node.config.pluginmanager.get_plugin("livefire-session")
    return cast(Answers, plugin)
