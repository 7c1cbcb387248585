"""`livefire mutate`: find the parts of a rule that no test needs."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from harness.cli.expected import expectations_of
from harness.cli.judging_requests import Mutate
from harness.cli.outputs import require_writable
from harness.errors import InvalidFiles
from harness.files.expectation_file import load_expectations
from harness.files.mutants_file import write_mutants
from harness.files.read_once import ReadOnce
from harness.files.rule_file import rule_in
from harness.judge.lint import check_rules
from harness.kql.engine_choice import new_workspace
from harness.recording import find_recordings
from harness.report.mutants_text import print_mutants
from harness.report.progress import counting
from harness.report.sarif import of_mutants, write_sarif
from harness.report.shown import shown
from harness.report.terminal import Terminal
from harness.study.mutation.score import mutate as mutate_rule


def mutate(request: Mutate) -> None:
    """`livefire mutate`. Raises as study.mutation does."""
    limits = request.limits
    require_writable({"--json": request.json, "--sarif": request.sarif})
    read = ReadOnce()
    if problems := check_rules([rule_in(read(request.rule))], new_workspace(datetime.now(UTC), limits)):
        raise InvalidFiles(problems)
    path = expectations_of(request.rule, request.expect)
    recordings = find_recordings(request.recordings)
    expected = load_expectations(path, request.rule, read)
    with counting("judging mutants") as progress:
        report = mutate_rule(expected, recordings, limits=limits, progress=progress)
    if request.json != "-":
        print_mutants(shown(report), Terminal())
    if request.json:
        write_mutants(report, request.json)
    if request.sarif:
        write_sarif(of_mutants(report), request.sarif, f"mutate/{report.rule}")
    raise typer.Exit(0 if report.score >= request.minimum_score else 1)
