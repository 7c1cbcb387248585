"""Whether a session proved anything, and all that was asked for: what was judged, in which recordings."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from harness.pytest_plugin.pytest_terminal import guard_terminal
from harness.pytest_plugin.settings import SETTINGS
from harness.text import visible


class Tally:
    """Counts by the reports of tests, so in the process that the user started, wherever the tests ran.

    `unused` are recordings of which no collected expectation speaks; `unjudged` says what else nothing is expected of.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.unused: Sequence[str] = ()
        self.unjudged: Sequence[str] = ()
        self._required = config.stash[SETTINGS].require_all
        self._worker = hasattr(config, "workerinput")
        self._ran = False
        self._judged: dict[str, bool] = {}  # by recording: whether any layer was judged in it

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Before anything is printed."""
        guard_terminal(session.config)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Reports name the place of the expectation, and not that of our code; they carry what was judged."""
        report = yield
        complete = getattr(item, "complete_report", None)
        if complete:
            complete(report)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note in which recordings something was judged."""
        found = getattr(report, "livefire_judged", None)
        self._ran = self._ran or found is not None
        for recording, judged in (found or {}).items():
            self._judged[recording] = self._judged.get(recording, False) or judged

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A session that proves nothing of a recording does not pass, as `livefire prove` does not."""
        if exitstatus == pytest.ExitCode.OK and not self._worker and self._wrong():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        """Say why a session does not pass that its tests alone would let pass, and what was not judged."""
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            for line in self._wrong():
                terminalreporter.write_line(f"livefire: {visible(line)}", red=True)
        if not self._required:
            for line in self.unjudged:
                terminalreporter.write_line(f"livefire: {visible(line)}", yellow=True)

    def _wrong(self) -> list[str]:
        return [*self._unproven(), *(self.unjudged if self._required else ())]

    def _unproven(self) -> list[str]:
        idle = [f"nothing was judged in {each}: all was skipped" for each, judged in self._judged.items() if not judged]
        if self._ran and not self._judged:
            idle.append("nothing was judged: no recording holds what was selected")
        return idle + [f"no expectation names an atomic of {each}" for each in self.unused]
