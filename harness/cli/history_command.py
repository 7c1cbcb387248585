"""`livefire history`: what became of each atomic, night by night."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import EXPECTATIONS, ExpectationsOption, HtmlOption
from harness.cli.outputs import require_writable
from harness.errors import InvalidInput, NothingSelected, Position
from harness.files.catalog import find_expectations
from harness.files.result_file import read_results
from harness.judge.side_by_side import prove_all
from harness.recording import Recording, layout, open_recording
from harness.report.html import Additions, write_html
from harness.report.nights_text import print_history
from harness.report.progress import counting
from harness.report.shown import shown
from harness.report.terminal import Terminal
from harness.study.nights.nights import History, Night


def history(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Holds results (*.json) or recordings, one a night.")],
    last: Annotated[int, typer.Option("--last", metavar="N", help="Only the newest nights.", min=1)] = 14,
    html: HtmlOption = None,
    expectations: ExpectationsOption = EXPECTATIONS,
) -> None:
    """Nights as columns, atomics as rows, and the trend of the latency."""
    require_writable({"--html": html})
    found = read_history(folder, last, expectations)
    print_history(shown(found), Terminal())
    if html:
        write_html([], html, Additions(history=found))


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
    return Night.of(read_results(path)) if path.suffix == ".json" else None


def _finished(each: Night | Recording) -> float:
    return (each.finished if isinstance(each, Night) else each.manifest.finished).timestamp()


def _nights(found: list[Night | Recording], expectations: Path) -> list[Night]:
    recordings = [each for each in found if isinstance(each, Recording)]
    expected = find_expectations([expectations]) if recordings else []
    with counting("judging recordings") as progress:
        results = prove_all([each.path for each in recordings], expected, progress=progress)
    proven = [Night.of([r], e.manifest.finished) for r, e in zip(results, recordings, strict=True)]
    return proven + [each for each in found if isinstance(each, Night)]
