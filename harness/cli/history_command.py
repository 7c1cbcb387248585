"""`livefire history`: what became of each atomic, night by night."""

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
        said = "it is no folder" if folder.exists() else "there is no such folder"
        raise InvalidInput(said, at=Position(folder))
    found = [night for path in sorted(folder.iterdir()) if (night := _open(path))]
    if not found:
        raise NothingSelected(f"{folder}: no results (*.json) and no recordings in it")
    newest = sorted(found, key=_finished)[-last:]
    return History.of(_nights(newest, expectations))


def _open(path: Path) -> Night | Recording | None:
    """A night's results, or its recording, which is not proven before it is known that it is wanted."""
    if path.is_dir():
        return open_recording(path) if layout.exists(path, layout.MANIFEST) else None
    return night_of(read_results(path)) if path.suffix == ".json" else None


def _finished(each: Night | Recording) -> float:
    return (each.finished if isinstance(each, Night) else each.manifest.finished).timestamp()


def _nights(found: list[Night | Recording], expectations: Path) -> list[Night]:
    recordings = [each for each in found if isinstance(each, Recording)]
    expected = find_expectations([expectations]) if recordings else []
    with counting("judging") as progress:
        results = prove_all([each.path for each in recordings], expected, progress=progress)
    proven = [night_of([r], e.manifest.finished) for r, e in zip(results, recordings, strict=True)]
    return proven + [each for each in found if isinstance(each, Night)]
