"""Ends a command at each of its lines in turn, and prints what came of it.

    python -m tests.unit.cli.interrupting FOLDER DEAD STEP WORD…

runs `livefire WORD…` once for each line of Livefire's own that it goes through, or for every STEP-th, each time in a
process of its own that gets SIGTERM just before that line. A line counts once for each line that it is called from.
DEAD is how many folders of dead runs there are each time. Each is run in a folder of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import harness
import harness.cli.app
import harness.cli.clean_command
import harness.cli.lab_command
import harness.cli.live_requests
import harness.cli.run_command
from harness.cli.main import main as livefire
from harness.host import locks, notes
from harness.host.owned_folders import OwnedFolder

assert harness.cli.app, harness.cli  # loaded once, and not for each line
OURS = str(Path(harness.__file__).parent)


class Lines:
    """Counts the lines that are gone through, and sends the signal before one of them; before none if that is 0."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._seen: set[Any] = set()
        self.where = ""

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self._seen)

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        """To be called by Python, as sys.settrace says."""
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            caller = frame.f_back
            place = (frame.f_code, frame.f_lineno, caller and caller.f_code, caller and caller.f_lineno)
            if place not in self._seen:
                self._seen.add(place)
                if len(self._seen) == self._last:
                    self.where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                    os.kill(os.getpid(), signal.SIGTERM)
        return self.trace


def run(folder: Path, words: list[str], last: int) -> dict[str, Any]:
    """One run, in a child: its exit code (minus the signal that ended it), what it said, and the line."""
    said, told = folder / "said", folder / "told"
    child = os.fork()
    if child == 0:
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        _run(words, Lines(last), told)
    _, status = os.waitpid(child, 0)
    # nothing is told where the signal came before there was anybody to heed it
    found: dict[str, Any] = json.loads(told.read_text()) if told.exists() else {"lines": 0, "where": ""}
    return found | {"code": os.waitstatus_to_exitcode(status), "said": said.read_text()}


def _run(words: list[str], lines: Lines, told: Path) -> None:
    os.chdir(told.parent)
    sys.argv = ["livefire", *words]
    exit_at_once = os._exit

    def tell(code: int) -> None:
        sys.settrace(None)
        told.write_text(json.dumps({"lines": lines.count, "where": lines.where}))
        exit_at_once(code)

    os._exit = tell  # type: ignore[assignment]
    sys.settrace(lines.trace)
    livefire()


def leave_dead(count: int) -> None:
    """So many folders of runs whose process is dead."""
    child = os.fork()
    if child == 0:
        for _ in range(count):
            owned = OwnedFolder.create("run")
            owned.ledger.add("folder", path=str(owned.path / "more"))
            (owned.path / "more").mkdir()
        os._exit(0)
    os.waitpid(child, 0)


def files(folder: Path) -> set[str]:
    """All that lies below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def main() -> None:
    """A line of JSON for each run: beside what `run` says, what is `left` that was not before."""
    folder, dead, step, words = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    number, count = 0, 0
    while number <= count:
        place = folder / str(number)
        place.mkdir()
        os.environ["LIVEFIRE_STATE"] = str(place / "s")
        notes.NOTES, locks.CAPTURING = place / "n/made", place / "n"
        leave_dead(dead)
        before = files(place)
        found = run(place, words, number)
        left = files(place) - before - {"said", "told"}
        sys.stdout.write(json.dumps(found | {"left": sorted(left)}) + "\n")
        count = count or found["lines"]
        number += step


if __name__ == "__main__":
    main()
