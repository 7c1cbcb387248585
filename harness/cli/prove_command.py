"""`livefire prove`: judge recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.expected import beside
from harness.cli.options import (
    EXPECTATIONS,
    ExpectationsOption,
    HtmlOption,
    JsonOption,
    JunitOption,
    MarkdownOption,
    NavigatorOption,
    QueryMemoryOption,
    QueryTimeoutOption,
    RequireAll,
)
from harness.cli.outputs import Outputs
from harness.errors import NothingSelected
from harness.files.catalog import Expected, find_expectations, find_expected
from harness.files.expectation_file import load_expectations
from harness.judge.side_by_side import prove_all
from harness.judge.unjudged import unheld, without_expectations
from harness.kql.limits import MEMORY, TIME, limits_of
from harness.model.expectation import Expectation
from harness.recording import find_recordings
from harness.report.progress import counting


def prove(
    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings to judge, or folders that hold them.", metavar="RECORDING")
    ],
    rule: Annotated[
        list[Path] | None,
        typer.Option("--rule", metavar="F", help="Judge this version of the rule of that file name (repeatable)."),
    ] = None,
    from_raw: Annotated[bool, typer.Option("--from-raw", help="Rebuild the tables from the raw logs.")] = False,
    json: JsonOption = None,
    junit: JunitOption = None,
    html: HtmlOption = None,
    navigator: NavigatorOption = None,
    markdown: MarkdownOption = None,
    matrix: Annotated[bool, typer.Option("--matrix", help="Print a line for each variant.")] = False,
    require_all: RequireAll = False,
    query_timeout: QueryTimeoutOption = TIME,
    query_memory: QueryMemoryOption = MEMORY,
    expectations: ExpectationsOption = EXPECTATIONS,
) -> None:
    """The second half: judge recordings. Needs no root, no Docker, no cluster and no network.

    Several are judged side by side, in a process for each processor.
    """
    limits = limits_of(query_timeout, query_memory)
    found = _expected(expectations, rule or [])
    expected = found.expectations
    outputs = Outputs(json, junit, html, matrix, navigator, markdown)
    outputs.require_writable()
    with counting("judging recordings") as progress:
        results = prove_all(find_recordings(recordings), expected, from_raw=from_raw, limits=limits, progress=progress)
    left = [*without_expectations(found.rules_without), *unheld(expected, results)]
    outputs.report(results, left, require_all=require_all)


def _expected(folder: Path, rules: list[Path]) -> Expected:
    """What is expected of all rules of a folder, or of these versions of some of them."""
    if not rules:
        return find_expected([folder])
    every = find_expectations([folder])
    return Expected([each for path in rules for each in _for_rule(path, every)], [])


def _for_rule(path: Path, expected: list[Expectation]) -> list[Expectation]:
    """The expectations of the rule that has this file's name, for this file."""
    near = beside(path)
    sources = {e.source.path for e in expected if e.rule.id == path.stem} or ({near} if near.exists() else set())
    if not sources:
        known = ", ".join(sorted({e.rule.id for e in expected}))
        raise NothingSelected(
            f"no expectations for a rule named '{path.stem}'",
            hint=f"A rule is known by the name of its file. Known: {known}.",
        )
    return [e for source in sorted(sources) for e in load_expectations(source, path)]
