"""The options of `livefire query` and `livefire tables`. The docstring of each class is the help of its command."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.option_groups import QueryLimits

FromRaw = Annotated[bool, typer.Option("--from-raw", help="Rebuild the tables from the raw logs.")]
Slices = Annotated[
    list[str] | None,
    typer.Option(
        "--slice",
        metavar="NAME",
        help="Only the rows of this atomic (its id or GUID), or of the background (repeatable). Default: all.",
    ),
]


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, kw_only=True)
class Query(QueryLimits):
    """Run KQL over the tables of a recording.

    The query is KQL, `-` for standard input, or the file of a rule (.yaml) or of a query (.kql).
    """

    path: Annotated[Path, typer.Argument(metavar="RECORDING", help="A recording.")]
    kql: Annotated[str, typer.Argument(metavar="KQL", help="The query.")]
    slices: Slices = None
    format: Annotated[Format, typer.Option("--format", help="How rows are written.")] = Format.TABLE
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="Print this many rows of a table.", min=1)] = 50
    from_raw: FromRaw = False


@dataclass(frozen=True, kw_only=True)
class Tables(QueryLimits):
    """List the tables that rules can query: columns, types, and of a recording a sample value of each column."""

    path: Annotated[Path | None, typer.Argument(metavar="RECORDING", help="A recording.")] = None
    table: Annotated[
        list[str] | None, typer.Option("--table", metavar="NAME", help="Only this table (repeatable).")
    ] = None
    slices: Slices = None
    from_raw: FromRaw = False
