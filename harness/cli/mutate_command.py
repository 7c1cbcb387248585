"""`livefire mutate`: which parts of a rule does no test need?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.expected import ExpectOption, expectations_of
from harness.cli.options import QueryMemoryOption, QueryTimeoutOption, SarifOption
from harness.cli.outputs import require_writable
from harness.errors import InvalidFiles
from harness.files.rule_file import load_rule
from harness.judge.lint import check_rules
from harness.kql.limits import MEMORY, TIME, limits_of
from harness.recording import find_recordings
from harness.report.mutants_text import print_mutants, write_mutants
from harness.report.progress import counting
from harness.report.sarif import of_mutants, write_sarif
from harness.report.shown import shown
from harness.report.terminal import Terminal
from harness.study.mutation import mutate as mutate_rule


def mutate(
    rule: Annotated[Path, typer.Argument(help="The rule, in Sentinel YAML.", metavar="RULE")],
    recordings: Annotated[list[Path], typer.Argument(help="Recordings, or folders of them.", metavar="RECORDING")],
    minimum_score: Annotated[
        float,
        typer.Option("--minimum-score", help="Exit 1 below this share of killed mutants.", min=0, max=1, metavar="X"),
    ] = 0.0,
    expectations: ExpectOption = None,
    json: Annotated[str | None, typer.Option("--json", help="Write JSON; - is stdout.", metavar="F")] = None,
    sarif: SarifOption = None,
    query_timeout: QueryTimeoutOption = TIME,
    query_memory: QueryMemoryOption = MEMORY,
) -> None:
    """Change a rule one step at a time and see whether any expectation minds. Needs recordings only."""
    limits = limits_of(query_timeout, query_memory)
    require_writable({"--json": json, "--sarif": sarif})
    if problems := check_rules([load_rule(rule)], limits):
        raise InvalidFiles(problems)
    expected = expectations_of(rule, expectations)
    with counting("judging mutants") as progress:
        report = mutate_rule(rule, expected, find_recordings(recordings), limits=limits, progress=progress)
    if json != "-":
        print_mutants(shown(report), Terminal())
    if json:
        write_mutants(report, json)
    if sarif:
        write_sarif(of_mutants(report), sarif, f"mutate/{report.rule}")
    raise typer.Exit(0 if report.score >= minimum_score else 1)
