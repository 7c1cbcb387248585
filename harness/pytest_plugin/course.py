"""The course of a session: a capture before the first test, and what workers share."""

from __future__ import annotations

import hashlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_plugin.collected import Collected
from harness.pytest_plugin.settings import SETTINGS, Settings
from harness.text import visible

if TYPE_CHECKING:
    from harness.kql.engine import Engine
    from harness.model.expectation import Expectation
    from harness.pytest_plugin.judging import Judging
    from harness.pytest_plugin.selection import Selected
    from harness.pytest_plugin.shared import Outcome, Shared
    from harness.pytest_plugin.tally import Tally
    from harness.recording import Recording

_LIVE = "live"
_NOT_COLLECTED = "nothing was detonated: some tests could not be collected"


class SessionPlugin:
    """One in each process. Only the process that the user started captures; workers replay, or read what came of it.

    A worker of pytest-xdist has `workerinput`. Its controller collects nothing and runs no test.
    """

    def __init__(self, config: pytest.Config, tally: Tally) -> None:
        self._config = config
        given = getattr(config, "workerinput", None)
        self._worker: dict[str, Any] | None = given and given["livefire"]
        self._folder: Path | None = None
        self._live: Outcome | None = None
        self._judging: Judging | None = None
        self._engine: Engine | None = None
        self._recordings: list[Recording] | None = None
        self.collected = Collected()
        self._unjudged: list[str] = []
        self._tally = tally
        self._told: set[str] = set()

    @property
    def settings(self) -> Settings:
        """What the user asked for."""
        return self._config.stash[SETTINGS]

    # what items ask

    def recordings(self) -> list[Recording]:
        """The recordings, opened and verified once. Raises RecordingDamaged."""
        if self._recordings is None:
            from harness.recording import open_recording

            self._recordings = [open_recording(path) for path in self.settings.recordings]
        return self._recordings

    def mistakes(self, path: Path, expectations: list[Expectation]) -> str:
        """Every mistake in a file of expectations and its rule. Workers look for them in each file once."""
        from harness.judge.lint import check
        from harness.pytest_plugin.shared import Outcome

        def look() -> Outcome:
            if self._engine is None:
                from harness.kql.duckdb.duckdb_engine import DuckDbEngine

                # one for all files: they share signals
                self._engine = DuckDbEngine(datetime.now(UTC), self.settings.limits)
            return Outcome(error="\n".join(str(problem) for problem in check(expectations, self._engine)))

        if self._shared is None:
            return look().error
        name = hashlib.sha256(str(path).encode()).hexdigest()
        found = self._shared.once(f"check-{name}", look, wait=True)
        return found.error if found else ""

    def holds_variants(self, expectation: Expectation) -> bool:
        """Whether there are, or will be, variants to judge by this expectation; notes that it was collected."""
        found = self.collected.add(expectation, self.recordings())
        return any(case.detonation.variant for case in found) or (self.settings.live and expectation.entry.evade)

    def outcomes(self, session: pytest.Session, expectation: Expectation) -> list[Outcome]:
        """What judging the rule of an expectation came to: for each recording, or for the capture of this session."""
        if self.settings.live:
            found = self._live or (self._shared and self._shared.read(_LIVE))
            return [found] if found else []
        if self._judging is None:
            from harness.pytest_plugin.judging import Judging, units

            workers = self._worker["count"] if self._worker else 1
            todo = units(self.recordings(), self._selected(session), workers)
            settings = self.settings
            self._judging = Judging(todo, from_raw=settings.from_raw, limits=settings.limits, shared=self._shared)
        return self._judging.of(expectation)

    def tell(self, error: str) -> str:
        """An error as a whole to the first test that meets it, and its first line to the others."""
        first, *rest = error.split("\n")
        if error in self._told and rest:
            return f"not judged: {first}"
        self._told.add(error)
        return f"not judged: {error}"

    # without workers

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Capture before the first test: no test's time limit can end it half-way, and nothing runs beside it."""
        option = self._config.option
        chosen = self._selected(session) if session.items and not option.collectonly and not self._worker else []
        if session.testsfailed and not option.continue_on_collection_errors:
            return  # pytest stops here, too
        if chosen:
            self._tally.unused, self._tally.unjudged = self._unused(), self._unjudged
            self._capture(chosen)

    def _capture(self, chosen: list[Selected]) -> None:
        if not self.settings.live or self._live:
            return
        from harness.pytest_plugin.live import live_outcome

        self._live = live_outcome(self.settings, chosen, self._say)

    def _selected(self, session: pytest.Session) -> list[Selected]:
        from harness.pytest_plugin.item import LivefireItem
        from harness.pytest_plugin.selection import selected

        return selected(item for item in session.items if isinstance(item, LivefireItem))

    def _unused(self) -> list[str]:
        """Recordings of which no expectation that was collected speaks."""
        return self.collected.unused(self.settings.recordings)

    def _say(self, text: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter and self._config.get_verbosity() >= 0:
            reporter.ensure_newline()
            reporter.write_line(f"livefire: {visible(text)}")
            reporter.flush()

    # with workers: in the controller

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where its fellows put what they have judged."""
        if self._folder is None:
            self._folder = _shared_folder()
        node.workerinput["livefire"] = {
            "folder": str(self._folder),
            "id": node.gateway.id,
            "count": node.workerinput["workercount"],
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Capture when the first worker knows what is selected. No test has been handed out by then."""
        if self._folder is None or self._live:
            return
        path = self._folder / f"{node.gateway.id}.selection"
        if not path.exists():  # no item of ours
            return
        said = json.loads(path.read_text(encoding="utf-8"))
        self._tally.unused, self._tally.unjudged = said["unused"], said["unjudged"]
        if self.settings.live:
            self._capture_for_workers(said["chosen"], self._folder)

    def _capture_for_workers(self, chosen: str, folder: Path) -> None:
        from harness.errors import LivefireError
        from harness.pytest_plugin.selection import from_json
        from harness.pytest_plugin.shared import Outcome, Shared

        controller = self._config.pluginmanager.get_plugin("session")
        try:
            if controller and controller.testsfailed and not self._config.option.continue_on_collection_errors:
                self._live = Outcome(error=_NOT_COLLECTED)
            else:
                self._capture(from_json(chosen))
        except LivefireError as error:
            self._live = Outcome(error=str(error))
        if self._live:
            Shared(folder).write(_LIVE, self._live)

    # in each worker, and where there is none

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session) -> None:
        """Look at what lies beside what was collected: what is left out in silence is a mistake of the collection."""
        from harness.pytest_plugin.passed_over import collection_error, passed_over, rules_without
        from harness.recording import copied
        from harness.report.unjudged_text import lines

        problems = passed_over(self._config, self.collected.files)
        rules, unreadable = rules_without(self._config) if self.collected.files else ([], [])
        if self.settings.require_all:
            problems += unreadable
        for problem in {str(problem): problem for problem in problems}.values():
            session.ihook.pytest_collectreport(report=collection_error(problem, self._config))
        if self.collected.files and not session.testsfailed:
            self._unjudged = list(lines(self.collected.unjudged(self.recordings(), rules)))
            for said in copied(self.recordings()):
                self._say(said)

    @property
    def _shared(self) -> Shared | None:
        if self._worker is None:
            return None
        from harness.pytest_plugin.shared import Shared

        return Shared(Path(self._worker["folder"]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say what is selected, before the controller hears that the collection is over."""
        self._engine = None  # it was for mistakes; one that lives until the interpreter ends makes DuckDB complain
        if self._worker is None or not (chosen := self._selected(session)):
            return
        from harness.pytest_plugin.selection import to_json

        path = Path(self._worker["folder"]) / f"{self._worker['id']}.selection"
        said = {"chosen": to_json(chosen), "unused": self._unused(), "unjudged": self._unjudged}
        path.write_text(json.dumps(said), encoding="utf-8")

    # the end

    def pytest_unconfigure(self) -> None:
        """Remove what the workers shared."""
        if self._folder:
            from harness.host.scratch import remove_scratch

            remove_scratch(self._folder)


def _shared_folder() -> Path:
    """In the state folder, where it is found after a crash; a replay goes on also where that can't be written."""
    from harness.errors import LivefireError
    from harness.host.scratch import make_shared
    from harness.host.state_root import state_root

    try:
        return make_shared(state_root())
    except (OSError, LivefireError):
        return Path(tempfile.mkdtemp(prefix="livefire-"))
