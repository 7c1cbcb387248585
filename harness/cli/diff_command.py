"""`livefire diff`: what changed between two results."""

from __future__ import annotations

from pathlib import Path

import typer

from harness.cli.judging_requests import Diff
from harness.errors import InvalidInput, Position
from harness.files.catalog import find_expectations
from harness.files.comparison_file import write_comparison
from harness.files.documents import write_document
from harness.files.result_file import read_results
from harness.judge.side_by_side import prove_all
from harness.model.result import Result
from harness.report.comparison_text import print_diff, to_markdown
from harness.report.progress import counting
from harness.report.shown import shown
from harness.report.terminal import Terminal
from harness.study.nights.comparing import compare_results


def diff(request: Diff) -> None:
    """`livefire diff`. Raises InvalidInput where one side holds nothing."""
    paths = request.old, request.new
    old, new = (_results(path, request.expectations) for path in paths)
    for path, side in zip(paths, (old, new), strict=True):
        if not any(result.results for result in side):
            raise InvalidInput("nothing was judged in it", at=Position(path))
    comparison = compare_results(old, new)
    if request.json:
        write_comparison(comparison, request.json)
    if request.markdown:
        write_document(to_markdown(shown(comparison)), request.markdown)
    print_diff(shown(comparison), Terminal(stderr=request.json == "-"))
    raise typer.Exit(int(comparison.worse))


def _results(path: Path, expectations: Path) -> list[Result]:
    """The results in a file, or those of a recording judged now."""
    if path.is_dir():
        with counting("judging") as progress:
            return prove_all([path], find_expectations([expectations]), progress=progress)
    return read_results(path)
