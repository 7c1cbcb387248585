"""The base of all tests of a proof: how they get their results, fail, skip and report."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NoReturn

import pytest

from harness.model.atomic_result import AtomicResult
from harness.model.expectation import Expectation
from harness.model.verdict import Verdict
from harness.pytest_plugin.answers import answers_of
from harness.pytest_plugin.pytest_terminal import shorten
from harness.pytest_plugin.selection import OF_RULE
from harness.pytest_plugin.settings import SETTINGS
from harness.pytest_plugin.shared import Outcome
from harness.text import visible


class LivefireItem(pytest.Item):
    """A test that judges one thing in all recordings, or in the capture of this session."""

    def __init__(self, *, expectation: Expectation, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.expectation = expectation
        self.rule_expectations = [expectation]
        self.layer = self.name
        self._outcomes: list[Outcome] = []
        self._judged: dict[str, bool] = {}  # by recording
        atomic = {} if self.layer in OF_RULE else {"atomic": expectation.atomic, "technique": _technique(expectation)}
        mode = self.config.stash[SETTINGS].mode
        self.add_marker(
            pytest.mark.livefire(layer=self.layer, rule=expectation.rule.id, kind=kind, mode=mode, **atomic)
        )

    def setup(self) -> None:
        """Have the rule judged. An error there fails the setup, and not a layer."""
        answers = answers_of(self)
        self._outcomes = answers.outcomes(self.session, self.expectation)
        errors = [answers.not_judged(outcome.error) for outcome in self._outcomes if outcome.error]
        if errors:
            self.fail("\n".join(errors))

    def fail(self, text: str) -> NoReturn:
        """End this test with an explanation, and without a traceback."""
        pytest.fail(shorten(text, self.config), pytrace=False)

    def leave_out(self, reason: str) -> NoReturn:
        """Skip what could not be judged; with --livefire-require-all, it fails."""
        if self.config.stash[SETTINGS].require_all:
            self.fail(f"not judged: {reason}")
        self.skip(reason)

    def skip(self, reason: str) -> NoReturn:
        """End this test with a reason, in one line."""
        pytest.skip(visible(reason))

    def require_no_skip(self, results: list[tuple[str, AtomicResult]]) -> None:
        """With --livefire-require-all, fail for atomics that were skipped and whose expectation does not allow it."""
        skipped = [result for _, result in results if result.verdict is Verdict.SKIPPED and not result.may_skip]
        if skipped and self.config.stash[SETTINGS].require_all:
            self.leave_out("; ".join(dict.fromkeys(f"{result.atomic}: {result.reason}" for result in skipped)))

    def results(self) -> list[tuple[str, AtomicResult]]:
        """The results of this expectation, those of variants too, each with its recording."""
        at = str(self.expectation.at())
        all_ = (result for outcome in self._outcomes for result in outcome.results)
        return [(result.recording, row) for result in all_ for row in result.results if row.at == at]

    def note(self, recording: str, *, judged: bool) -> None:
        """Remember that this layer was, or was not, judged in a recording."""
        self._judged[recording] = self._judged.get(recording, False) or judged

    def complete_report(self, report: pytest.TestReport) -> None:
        """Name the place of the expectation instead of a place in our code."""
        path, line, _ = self.location
        if report.when != "teardown" and self.layer not in OF_RULE:  # as in `livefire prove`, an atomic must be judged
            report.livefire_judged = self._judged  # type: ignore[attr-defined]
        if report.skipped and isinstance(report.longrepr, tuple):
            report.longrepr = (path, (line or 0) + 1, report.longrepr[2])
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash and not self.config.getoption("fulltrace", False):
            crash.path, crash.lineno = path, (line or 0) + 1
            first = crash.message.removeprefix("Failed: ").split("\n")[:2]
            crash.message = " ".join(line.strip() for line in first)

    @cached_property
    def location(self) -> tuple[str, int | None, str]:
        """The place of this item, as pytest prints it."""
        path, line, name = super().location
        return visible(path), line, visible(name)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """The place of this item, with lines from 0, and a heading: in a test's name, pytest would replace dots."""
        return self.path, self.expectation.at().line - 1, f"{self.expectation.atomic}, layer {self.layer}"


def _technique(expectation: Expectation) -> str:
    return expectation.atomic.partition("/")[0]
