"""The course of a session: what is collected, a capture before the first test, and the answers to the tests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pytest

from harness.judge.lint import check
from harness.kql.engine_choice import new_workspace
from harness.kql.workspace import Workspace
from harness.model.expectation import Expectation
from harness.pytest_plugin.collected import Collected
from harness.pytest_plugin.detonated import detonated
from harness.pytest_plugin.item import LivefireItem
from harness.pytest_plugin.judging import Judging, units
from harness.pytest_plugin.passed_over import collection_error, passed_over, rules_without
from harness.pytest_plugin.pytest_terminal import say
from harness.pytest_plugin.selection import Selected, selected
from harness.pytest_plugin.settings import SETTINGS
from harness.pytest_plugin.shared import Outcome
from harness.pytest_plugin.tally import Tally
from harness.pytest_plugin.xdist import Worker
from harness.recording import Recording, copied, open_recording
from harness.report.unjudged_text import lines


class SessionPlugin:
    """The plugin of a session, one in each process. A worker replays, or reads the outcome of the capture.

    Without workers, this one captures.
    """

    def __init__(self, config: pytest.Config, tally: Tally) -> None:
        self._config, self._tally = config, tally
        self._settings = config.stash[SETTINGS]
        self._worker = Worker.of(config)
        self._live: Outcome | None = None
        self._judging: Judging | None = None
        self._workspace: Workspace | None = None
        self._unjudged: Sequence[str] = ()
        self._reported: set[str] = set()
        self.collected = Collected()

    # what the tests ask

    @cached_property
    def recordings(self) -> list[Recording]:
        """The recordings, opened and verified once. Raises RecordingDamaged."""
        return [open_recording(path) for path in self._settings.recordings]

    def mistakes(self, path: Path, expectations: list[Expectation]) -> str:
        """Every mistake in a file of expectations and its rule. Of several workers, one checks each file."""

        def check_file() -> Outcome:
            limits = self._settings.limits
            self._workspace = self._workspace or new_workspace(datetime.now(UTC), limits)  # files share signals
            return Outcome(error="\n".join(str(problem) for problem in check(expectations, self._workspace)))

        if self._worker is None:
            return check_file().error
        name = hashlib.sha256(str(path).encode()).hexdigest()
        outcome = self._worker.shared.once(f"check-{name}", check_file, wait=True)
        return outcome.error if outcome else ""

    def holds_variants(self, expectation: Expectation) -> bool:
        """Whether there are, or will be, variants to judge by this expectation; notes that it was collected."""
        own_cases = self.collected.add(expectation, self.recordings)
        return any(case.detonation.variant for case in own_cases) or (self._settings.live and expectation.entry.evade)

    def outcomes(self, session: pytest.Session, expectation: Expectation) -> list[Outcome]:
        """The outcomes of judging the rule of an expectation: one for each recording, or for this session's capture."""
        if self._settings.live:
            outcome = self._worker.captured if self._worker else self._live
            return [outcome] if outcome else []
        if self._judging is None:
            settings, worker = self._settings, self._worker
            todo = units(self.recordings, _selected(session), worker.count if worker else 1)
            shared = worker.shared if worker else None
            self._judging = Judging(todo, from_raw=settings.from_raw, limits=settings.limits, shared=shared)
        return self._judging.of(expectation)

    def not_judged(self, error: str) -> str:
        """The message for an error: in full for the first test that meets it, its first line for the others."""
        first, *more = error.split("\n")
        if error in self._reported and more:
            return f"not judged: {first}"
        self._reported.add(error)
        return f"not judged: {error}"

    # the session

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session) -> None:
        """Report what pytest left out silently, beside what it collected, as errors of the collection."""
        problems = passed_over(self._config, self.collected.files)
        rules, unreadable = rules_without(self._config, self.collected.read) if self.collected.files else ([], [])
        if self._settings.require_all:
            problems += unreadable
        for problem in {str(problem): problem for problem in problems}.values():
            session.ihook.pytest_collectreport(report=collection_error(problem, self._config))
        if self.collected.files and not session.testsfailed:
            self._unjudged = list(
                lines(self.collected.unjudged(self.recordings, rules), all_names=self._settings.require_all)
            )
            for note in copied(self.recordings):
                say(self._config, note)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write down what is selected, before the controller is notified that the collection is over."""
        self._workspace = None  # not needed any more; alive at the interpreter's end, it makes DuckDB complain
        if self._worker and (chosen := _selected(session)):
            self._worker.write_selected(chosen, self._unused(), self._unjudged)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Capture before the first test: no test's time limit can end it, and no test runs at the same time."""
        option = self._config.option
        chosen = _selected(session) if session.items and not option.collectonly and not self._worker else []
        if session.testsfailed and not option.continue_on_collection_errors:
            return  # as pytest does
        if chosen:
            self._tally.unused, self._tally.unjudged = self._unused(), self._unjudged
            if self._settings.live:
                self._live = detonated(self._config, chosen)

    def _unused(self) -> list[str]:
        """Recordings that hold no atomic of any collected expectation."""
        return self.collected.unused(self._settings.recordings)


def _selected(session: pytest.Session) -> list[Selected]:
    return selected(item for item in session.items if isinstance(item, LivefireItem))
