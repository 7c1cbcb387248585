"""The course of a session: what is collected, a capture before the first test, and what the tests ask."""

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
    """One in each process. A worker replays, or reads what came of the capture; where there are none, we capture."""

    def __init__(self, config: pytest.Config, tally: Tally) -> None:
        self._config, self._tally = config, tally
        self._settings = config.stash[SETTINGS]
        self._worker = Worker.of(config)
        self._live: Outcome | None = None
        self._judging: Judging | None = None
        self._workspace: Workspace | None = None
        self._unjudged: Sequence[str] = ()
        self._told: set[str] = set()
        self.collected = Collected()

    # what items ask

    @cached_property
    def recordings(self) -> list[Recording]:
        """The recordings, opened and verified once. Raises RecordingDamaged."""
        return [open_recording(path) for path in self._settings.recordings]

    def mistakes(self, path: Path, expectations: list[Expectation]) -> str:
        """Every mistake in a file of expectations and its rule. Workers look for them in each file once."""

        def look() -> Outcome:
            limits = self._settings.limits
            self._workspace = self._workspace or new_workspace(datetime.now(UTC), limits)  # files share signals
            return Outcome(error="\n".join(str(problem) for problem in check(expectations, self._workspace)))

        if self._worker is None:
            return look().error
        name = hashlib.sha256(str(path).encode()).hexdigest()
        outcome = self._worker.shared.once(f"check-{name}", look, wait=True)
        return outcome.error if outcome else ""

    def holds_variants(self, expectation: Expectation) -> bool:
        """Whether there are, or will be, variants to judge by this expectation; notes that it was collected."""
        held = self.collected.add(expectation, self.recordings)
        return any(case.detonation.variant for case in held) or (self._settings.live and expectation.entry.evade)

    def outcomes(self, session: pytest.Session, expectation: Expectation) -> list[Outcome]:
        """What judging the rule of an expectation came to: for each recording, or for the capture of this session."""
        if self._settings.live:
            outcome = self._worker.captured if self._worker else self._live
            return [outcome] if outcome else []
        if self._judging is None:
            settings, worker = self._settings, self._worker
            todo = units(self.recordings, _selected(session), worker.count if worker else 1)
            shared = worker.shared if worker else None
            self._judging = Judging(todo, from_raw=settings.from_raw, limits=settings.limits, shared=shared)
        return self._judging.of(expectation)

    def tell(self, error: str) -> str:
        """An error as a whole to the first test that meets it, and its first line to the others."""
        first, *rest = error.split("\n")
        if error in self._told and rest:
            return f"not judged: {first}"
        self._told.add(error)
        return f"not judged: {error}"

    # the session

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session) -> None:
        """Look at what lies beside what was collected: what is left out in silence is a mistake of the collection."""
        problems = passed_over(self._config, self.collected.files)
        rules, unreadable = rules_without(self._config) if self.collected.files else ([], [])
        if self._settings.require_all:
            problems += unreadable
        for problem in {str(problem): problem for problem in problems}.values():
            session.ihook.pytest_collectreport(report=collection_error(problem, self._config))
        if self.collected.files and not session.testsfailed:
            self._unjudged = list(lines(self.collected.unjudged(self.recordings, rules)))
            for said in copied(self.recordings):
                say(self._config, said)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say what is selected, before the controller hears that the collection is over."""
        self._workspace = None  # it was for mistakes; one that lives until the interpreter ends makes DuckDB complain
        if self._worker and (chosen := _selected(session)):
            self._worker.say_selected(chosen, self._unused(), self._unjudged)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Capture before the first test: no test's time limit can end it half-way, and nothing runs beside it."""
        option = self._config.option
        chosen = _selected(session) if session.items and not option.collectonly and not self._worker else []
        if session.testsfailed and not option.continue_on_collection_errors:
            return  # pytest stops here, too
        if chosen:
            self._tally.unused, self._tally.unjudged = self._unused(), self._unjudged
            if self._settings.live:
                self._live = detonated(self._config, chosen)

    def _unused(self) -> list[str]:
        """Recordings of which no expectation that was collected speaks."""
        return self.collected.unused(self._settings.recordings)


def _selected(session: pytest.Session) -> list[Selected]:
    return selected(item for item in session.items if isinstance(item, LivefireItem))
