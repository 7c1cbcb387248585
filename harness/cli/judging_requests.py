"""The options of the commands that need files only. The docstring of each class is the help of its command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.option_groups import Judging, QueryLimits
from harness.cli.options import (
    EXPECTATIONS,
    ExpectationsOption,
    ExpectOption,
    HtmlOption,
    JsonDocumentOption,
    MarkdownOption,
    RuleArgument,
    SarifOption,
)


@dataclass(frozen=True, kw_only=True)
class Prove(Judging):
    """Judge recordings: the second half of a run. Needs no root, no Docker, no cluster and no network.

    Several recordings are judged in parallel, in one process for each processor.
    """

    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings to judge, or folders that hold them.", metavar="RECORDING")
    ]
    rule: Annotated[
        list[Path] | None,
        typer.Option("--rule", metavar="F", help="Judge this version of the rule of the same file name (repeatable)."),
    ] = None
    from_raw: Annotated[bool, typer.Option("--from-raw", help="Rebuild the tables from the raw logs.")] = False
    matrix: Annotated[bool, typer.Option("--matrix", help="Print a line for each variant.")] = False


@dataclass(frozen=True, kw_only=True)
class Mutate(QueryLimits):
    """Change a rule one step at a time, and show the changes that no expectation notices. Needs recordings only."""

    rule: RuleArgument
    recordings: Annotated[list[Path], typer.Argument(help="Recordings, or folders of them.", metavar="RECORDING")]
    minimum_score: Annotated[
        float,
        typer.Option("--minimum-score", help="Exit 1 below this share of killed mutants.", min=0, max=1, metavar="X"),
    ] = 0.0
    expect: ExpectOption = None
    json: JsonDocumentOption = None
    sarif: SarifOption = None


@dataclass(frozen=True, kw_only=True)
class Diff:
    """Show what changed between two results, for better or worse, and why. Exit 1 on a regression."""

    old: Annotated[Path, typer.Argument(metavar="OLD", help="A result (--json F), or a recording.")]
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A later result, or recording.")]
    json: JsonDocumentOption = None
    markdown: MarkdownOption = None
    expectations: ExpectationsOption = EXPECTATIONS


@dataclass(frozen=True, kw_only=True)
class History:
    """Show nights as columns, atomics as rows, and the trend of the latency."""

    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder of results (*.json) or recordings, one a night.")
    ]
    last: Annotated[int, typer.Option("--last", metavar="N", help="Only the newest nights.", min=1)] = 14
    html: HtmlOption = None
    expectations: ExpectationsOption = EXPECTATIONS


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write one HTML page from files that were written before: results, mutants, schedules, a history.

    Raw records come from the recordings that the results name, if they are still there.
    """

    html: Annotated[Path, typer.Option("--html", help="Write the page here.", metavar="F")]
    results: Annotated[
        list[Path] | None, typer.Argument(help="Results of run, evade or prove (--json).", metavar="RESULT")
    ] = None
    mutants: Annotated[
        list[Path] | None, typer.Option("--mutants", metavar="F", help="Mutants of a rule: mutate --json (repeatable).")
    ] = None
    schedule: Annotated[
        list[Path] | None,
        typer.Option("--schedule", metavar="F", help="Schedule of a rule: schedule --json (repeatable)."),
    ] = None
    history: Annotated[
        Path | None, typer.Option("--history", metavar="DIR", help="Nights: a folder of results or recordings.")
    ] = None
    last: Annotated[int, typer.Option("--last", metavar="N", help="Only the newest nights of the history.", min=1)] = 14
    recording: Annotated[
        Path | None,
        typer.Option("--recording", metavar="DIR", help="Where the recording is now, if it was moved."),
    ] = None
    expectations: ExpectationsOption = EXPECTATIONS
