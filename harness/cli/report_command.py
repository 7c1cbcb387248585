"""`livefire report`: one page from results that were written before."""

from __future__ import annotations

from harness.cli.history_command import read_history
from harness.cli.judging_requests import Report
from harness.cli.outputs import require_writable
from harness.errors import InvalidInput, Position
from harness.files.mutants_file import read_mutants
from harness.files.result_file import read_results
from harness.files.schedule_file import read_schedule
from harness.recording import layout
from harness.report.html import Additions, write_html


def report(request: Report) -> None:
    """`livefire report`. Raises InvalidInput where there is nothing to report."""
    results, mutants, schedules = request.results or [], request.mutants or [], request.schedule or []
    if not (results or mutants or schedules or request.history):
        raise InvalidInput(
            "there is nothing to report", hint="Name results, --mutants F, --schedule F, or --history DIR."
        )
    if request.recording and not layout.exists(request.recording, layout.MANIFEST):
        raise InvalidInput("not a recording: there is no manifest.json", at=Position(request.recording))
    require_writable({"--html": request.html})
    additions = Additions(
        mutations=[read_mutants(path) for path in mutants],
        schedules=[read_schedule(path) for path in schedules],
        history=read_history(request.history, request.last, request.expectations) if request.history else None,
    )
    all_results = [result for path in results for result in read_results(path)]
    write_html(all_results, request.html, additions, request.recording)
