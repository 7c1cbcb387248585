"""A session with workers of pytest-xdist: one process captures for them, and they share what they judge in a folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.errors import LivefireError
from harness.host.scratch import make_shared, remove_scratch
from harness.host.state_root import state_root
from harness.pytest_plugin.detonated import detonated
from harness.pytest_plugin.selection import Selected, from_json, to_json
from harness.pytest_plugin.settings import SETTINGS
from harness.pytest_plugin.shared import Outcome, Shared
from harness.pytest_plugin.tally import Tally

_LIVE = "live"
_NOT_COLLECTED = "nothing was detonated: some tests could not be collected"


@dataclass(frozen=True)
class Worker:
    """What a worker knows: the folder of the session, its own name, and how many workers there are."""

    folder: Path
    id: str
    count: int

    @classmethod
    def of(cls, config: pytest.Config) -> Worker | None:
        """The worker that this process is; None where it is none."""
        given = getattr(config, "workerinput", None)
        told = given and given["livefire"]
        return cls(Path(told["folder"]), told["id"], told["count"]) if told else None

    @property
    def shared(self) -> Shared:
        """What the workers have judged."""
        return Shared(self.folder)

    @property
    def captured(self) -> Outcome | None:
        """What came of the capture; None where there was none."""
        return self.shared.read(_LIVE)

    def say_selected(self, chosen: list[Selected], unused: Sequence[str], unjudged: Sequence[str]) -> None:
        """Let the controller know, who has collected nothing."""
        said = {"chosen": to_json(chosen), "unused": unused, "unjudged": unjudged}
        _selection(self.folder, self.id).write_text(json.dumps(said), encoding="utf-8")


class Controller:
    """The process that the user started. It collects nothing and runs no test; it captures for its workers."""

    def __init__(self, config: pytest.Config, tally: Tally) -> None:
        self._config, self._tally = config, tally
        self._folder: Path | None = None
        self._live: Outcome | None = None

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
        path = _selection(self._folder, node.gateway.id)
        if not path.exists():  # no item of ours
            return
        said = json.loads(path.read_text(encoding="utf-8"))
        self._tally.unused, self._tally.unjudged = said["unused"], said["unjudged"]
        if self._config.stash[SETTINGS].live:
            self._live = self._captured(said["chosen"])
            Shared(self._folder).write(_LIVE, self._live)

    def _captured(self, chosen: str) -> Outcome:
        session = self._config.pluginmanager.get_plugin("session")
        if session and session.testsfailed and not self._config.option.continue_on_collection_errors:
            return Outcome(error=_NOT_COLLECTED)
        try:
            return detonated(self._config, from_json(chosen))
        except LivefireError as error:
            return Outcome(error=str(error))

    def pytest_unconfigure(self) -> None:
        """Remove what the workers shared."""
        if self._folder:
            remove_scratch(self._folder)


def _selection(folder: Path, worker: str) -> Path:
    return folder / f"{worker}.selection"


def _shared_folder() -> Path:
    """In the state folder, where it is found after a crash; a replay goes on also where that can't be written."""
    try:
        return make_shared(state_root())
    except (OSError, LivefireError):
        return Path(tempfile.mkdtemp(prefix="livefire-"))
