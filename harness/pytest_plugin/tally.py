"""What a session judged, and in which recordings: one that proves nothing does not pass."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from harness.pytest_plugin.pytest_terminal import guard_terminal
from harness.pytest_plugin.settings import SETTINGS
from harness.text import visible


class Tally:
    """Counts the reports of tests, which all reach the process that the user started, also those from workers.

    `unused` are recordings without an atomic of any collected expectation. `unjudged` are lines on what else has no
    expectations.
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
        """Make pytest's terminal safe before anything is printed."""
        guard_terminal(session.config)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the item complete its report: with the place of the expectation, and what was judged."""
        report = yield
        complete = getattr(item, "complete_report", None)
        if complete:
            complete(report)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note in which recordings something was judged."""
        by_recording = getattr(report, "livefire_judged", None)
        self._ran = self._ran or by_recording is not None
        for recording, judged in (by_recording or {}).items():
            self._judged[recording] = self._judged.get(recording, False) or judged

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail a session in which nothing was judged in some recording, as `livefire prove` does."""
        if exitstatus == pytest.ExitCode.OK and not self._worker and self._wrong():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        """Say why the session fails though its tests passed, and what was not judged."""
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            for line in self._wrong():
                terminalreporter.write_line(f"livefire: {visible(line)}", red=True)
        if not self._required:
            for line in self.unjudged:
                terminalreporter.write_line(f"livefire: {visible(line)}", yellow=True)

    def _wrong(self) -> list[str]:
        return [*self._unproven(), *(self.unjudged if self._required else ())]

    def _unproven(self) -> list[str]:
        idle = [recording for recording, judged in self._judged.items() if not judged]
        lines = [f"nothing was judged in {recording}: all was skipped" for recording in idle]
        if self._ran and not self._judged:
            lines.append("nothing was judged: no recording holds what was selected")
        return lines + [f"no expectation names an atomic of {recording}" for recording in self.unused]
