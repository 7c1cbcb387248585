"""`livefire history`: the verdicts of each atomic, night by night."""

from __future__ import annotations

from pathlib import Path

from harness.cli import judging_requests as requests
from harness.cli.outputs import require_writable
from harness.errors import InvalidInput, NothingSelected, Position
from harness.files.catalog import find_expectations
from harness.files.result_file import read_results
from harness.judge.side_by_side import prove_all
from harness.model.history import History, Night
from harness.recording import Recording, layout, open_recording
from harness.report.html import Additions, write_html
from harness.report.nights_text import print_history
from harness.report.progress import counting
from harness.report.shown import shown
from harness.report.terminal import Terminal
from harness.study.nights.nights import night_of


def history(request: requests.History) -> None:
    """`livefire history`. Raises as `read_history` does."""
    require_writable({"--html": request.html})
    nights = read_history(request.folder, request.last, request.expectations)
    print_history(shown(nights), Terminal())
    if request.html:
        write_html([], request.html, Additions(history=nights))


def read_history(folder: Path, last: int, expectations: Path) -> History:
    """The newest nights in a folder. Raises InvalidInput for no folder, NothingSelected for one without nights."""
    if not folder.is_dir():
        problem = "this is not a folder" if folder.exists() else "there is no such folder"
        raise InvalidInput(problem, at=Position(folder))
    entries = [entry for path in sorted(folder.iterdir()) if (entry := _open(path))]
    if not entries:
        raise NothingSelected(f"{folder}: no results (*.json) and no recordings in it")
    newest = sorted(entries, key=_finished)[-last:]
    return History.of(_nights(newest, expectations))


def _open(path: Path) -> Night | Recording | None:
    """A night's results, or its recording, which is judged only if it is among the newest; None for other files."""
    if path.is_dir():
        return open_recording(path) if layout.exists(path, layout.MANIFEST) else None
    return night_of(read_results(path)) if path.suffix == ".json" else None


def _finished(entry: Night | Recording) -> float:
    return (entry.finished if isinstance(entry, Night) else entry.manifest.finished).timestamp()


def _nights(entries: list[Night | Recording], expectations: Path) -> list[Night]:
    recordings = [entry for entry in entries if isinstance(entry, Recording)]
    expected = find_expectations([expectations]) if recordings else []
    with counting("judging") as progress:
        results = prove_all([recording.path for recording in recordings], expected, progress=progress)
    proven = [night_of([r], e.manifest.finished) for r, e in zip(results, recordings, strict=True)]
    return proven + [entry for entry in entries if isinstance(entry, Night)]
