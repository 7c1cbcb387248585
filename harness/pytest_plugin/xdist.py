"""A session with workers of pytest-xdist: the controller captures, and the workers share outcomes in a folder."""

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
    """A worker: the folder of the session, the worker's id, and how many workers there are."""

    folder: Path
    id: str
    count: int

    @classmethod
    def of(cls, config: pytest.Config) -> Worker | None:
        """The worker that this process is; None where it is none."""
        workerinput = getattr(config, "workerinput", None)
        own = workerinput and workerinput["livefire"]
        return cls(Path(own["folder"]), own["id"], own["count"]) if own else None

    @property
    def shared(self) -> Shared:
        """The outcomes that the workers share."""
        return Shared(self.folder)

    @property
    def captured(self) -> Outcome | None:
        """The outcome of the capture; None where there was none."""
        return self.shared.read(_LIVE)

    def write_selected(self, chosen: list[Selected], unused: Sequence[str], unjudged: Sequence[str]) -> None:
        """Write down what is selected, for the controller, which collects nothing."""
        selection = {"chosen": to_json(chosen), "unused": unused, "unjudged": unjudged}
        _selection(self.folder, self.id).write_text(json.dumps(selection), encoding="utf-8")


class Controller:
    """The process that the user started. It collects nothing and runs no test; it captures for its workers."""

    def __init__(self, config: pytest.Config, tally: Tally) -> None:
        self._config, self._tally = config, tally
        self._folder: Path | None = None
        self._live: Outcome | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Pass a worker the folder of the session, its id, and the number of workers."""
        if self._folder is None:
            self._folder = _shared_folder()
        node.workerinput["livefire"] = {
            "folder": str(self._folder),
            "id": node.gateway.id,
            "count": node.workerinput["workercount"],
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Capture when the first worker has written down what is selected. No test has been distributed by then."""
        if self._folder is None or self._live:
            return
        path = _selection(self._folder, node.gateway.id)
        if not path.exists():  # nothing of ours is selected
            return
        selection = json.loads(path.read_text(encoding="utf-8"))
        self._tally.unused, self._tally.unjudged = selection["unused"], selection["unjudged"]
        if self._config.stash[SETTINGS].live:
            self._live = self._captured(selection["chosen"])
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
    """A folder in the state folder, where it is found after a crash; in /tmp where that can't be written."""
    try:
        return make_shared(state_root())
    except (OSError, LivefireError):
        return Path(tempfile.mkdtemp(prefix="livefire-"))
