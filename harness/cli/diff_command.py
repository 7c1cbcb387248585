"""`livefire diff`: what changed between two results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import EXPECTATIONS, ExpectationsOption, MarkdownOption
from harness.errors import InvalidInput, Position
from harness.files.catalog import find_expectations
from harness.files.documents import write_document
from harness.files.result_file import read_results
from harness.judge.side_by_side import prove_all
from harness.model.result import Result
from harness.report.comparison_text import print_diff, to_markdown, write_diff
from harness.report.shown import shown
from harness.report.terminal import Terminal
from harness.study.nights.comparison import compare_results


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A result (--json F), or a recording.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same, of a later run.")],
    json: Annotated[str | None, typer.Option("--json", help="Write JSON; - is stdout.", metavar="F")] = None,
    markdown: MarkdownOption = None,
    expectations: ExpectationsOption = EXPECTATIONS,
) -> None:
    """What changed between two results, for better or for worse, and by what cause. Exit 1 on a regression."""
    results = _results(old, expectations), _results(new, expectations)
    for path, side in zip((old, new), results, strict=True):
        if not any(result.results for result in side):
            raise InvalidInput("nothing was judged in it", at=Position(path))
    comparison = compare_results(*results)
    if json:
        write_diff(comparison, json)
    if markdown:
        write_document(to_markdown(shown(comparison)), markdown)
    print_diff(shown(comparison), Terminal(stderr=json == "-"))
    raise typer.Exit(int(comparison.worse))


def _results(path: Path, expectations: Path) -> list[Result]:
    """What a file holds, or what a recording proves now."""
    if path.is_dir():
        return prove_all([path], find_expectations([expectations]))
    return read_results(path)
