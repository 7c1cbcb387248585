"""`livefire schedule`: simulate when Microsoft Sentinel would alert, and which events no run would see."""

from __future__ import annotations

import typer

from harness.cli.expected import expectations_of
from harness.cli.outputs import require_writable
from harness.cli.schedule_request import Schedule
from harness.errors import InvalidInput
from harness.files.expectation_file import load_expectations
from harness.files.read_once import ReadOnce
from harness.files.rule_file import rule_in
from harness.files.schedule_file import write_schedule
from harness.recording import find_recordings
from harness.report.progress import counting
from harness.report.schedule_text import print_schedule
from harness.report.shown import shown
from harness.report.terminal import Terminal
from harness.study.schedule.delays import Late, parse_delay, parse_late, parse_share
from harness.study.schedule.ingestion import Ingestion
from harness.study.schedule.play import Trial
from harness.study.schedule.simulation import simulate


def schedule(request: Schedule) -> None:
    """`livefire schedule`. Raises as study.schedule does."""
    read = ReadOnce()
    rule_in(read(request.rule))
    path = expectations_of(request.rule, request.expect)
    allowed, limits, ingestion = _share("--max-missed", request.max_missed), request.limits, _ingestion(request)
    require_writable({"--json": request.json})
    with counting("playing attacks") as progress:
        result = simulate(
            load_expectations(path, request.rule, read),
            find_recordings(request.recordings),
            Trial(ingestion, request.draws, request.seed, allowed),
            limits=limits,
            progress=progress,
        )
    if request.json != "-":
        print_schedule(shown(result), Terminal())
    if request.json:
        write_schedule(result, request.json)
    raise typer.Exit(0 if result.passed else 1)


def _ingestion(request: Schedule) -> Ingestion:
    late = parse_late(request.late) if request.late else Late()
    return Ingestion(parse_delay(request.delay), late, _share("--duplicates", request.duplicates), request.out_of_order)


def _share(option: str, text: str) -> float:
    try:
        return parse_share(text)
    except ValueError as error:
        raise InvalidInput(f"{option} {text}: {error}") from None
