"""`livefire report`: one page from results that were written before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.history_command import read_history
from harness.cli.options import EXPECTATIONS, ExpectationsOption
from harness.cli.outputs import require_writable
from harness.errors import InvalidInput, Position
from harness.files.mutation_file import read_mutants
from harness.files.result_file import read_results
from harness.recording import layout
from harness.report.html import Additions, write_html
from harness.report.schedule_text import read_schedule


def report(
    html: Annotated[Path, typer.Option("--html", help="Write the page here.", metavar="F")],
    results: Annotated[
        list[Path] | None, typer.Argument(help="Results of run, evade or prove (--json).", metavar="[RESULT]...")
    ] = None,
    mutants: Annotated[
        list[Path] | None, typer.Option("--mutants", metavar="F", help="Mutants of a rule: mutate --json (repeatable).")
    ] = None,
    schedule: Annotated[
        list[Path] | None, typer.Option("--schedule", metavar="F", help="When it would alert: schedule --json.")
    ] = None,
    history: Annotated[
        Path | None, typer.Option("--history", metavar="DIR", help="Nights: a folder of results or recordings.")
    ] = None,
    last: Annotated[int, typer.Option("--last", metavar="N", help="Of the history the newest nights.", min=1)] = 14,
    recording: Annotated[
        Path | None,
        typer.Option("--recording", metavar="DIR", help="Where the recording is now, if it was moved."),
    ] = None,
    expectations: ExpectationsOption = EXPECTATIONS,
) -> None:
    """One HTML page from what was written before: results, mutants, schedules, history.

    Raw records come from the recordings that the results name, while they are there.
    """
    if not (results or mutants or schedule or history):
        raise InvalidInput(
            "there is nothing to report", hint="Name results, --mutants F, --schedule F, or --history DIR."
        )
    if recording and not layout.exists(recording, layout.MANIFEST):
        raise InvalidInput("not a recording: there is no manifest.json", at=Position(recording))
    require_writable({"--html": html})
    additions = Additions(
        mutations=[read_mutants(path) for path in mutants or []],
        schedules=[read_schedule(path) for path in schedule or []],
        history=read_history(history, last, expectations) if history else None,
    )
    write_html([each for path in results or [] for each in read_results(path)], html, additions, recording)
