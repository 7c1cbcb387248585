"""The options of `livefire schedule`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.option_groups import QueryLimits
from harness.cli.options import ExpectOption, JsonDocumentOption, RuleArgument
from harness.study.schedule.delays import DEFAULT


@dataclass(frozen=True, kw_only=True)
class Schedule(QueryLimits):
    """Play recorded attacks against the rule's schedule in Microsoft Sentinel. Needs recordings only.

    Each attack that the rule should fire on is played many times, each time with another phase of the schedule and
    other ingestion delays. The rule is run over what each scheduled run would see.
    """

    rule: RuleArgument
    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings of attacks, or folders of them.", metavar="RECORDING")
    ]
    delay: Annotated[
        str,
        typer.Option("--delay", metavar="D", help="Ingestion delay: measured, fixed:5m, lognormal:p50=2m,p95=15m, …"),
    ] = DEFAULT
    late: Annotated[
        str | None, typer.Option("--late", metavar="SHARE:D", help="This share of events comes later: 1%:6h.")
    ] = None
    duplicates: Annotated[
        str, typer.Option("--duplicates", metavar="SHARE", help="This share of events is ingested twice: 1%.")
    ] = "0"
    out_of_order: Annotated[
        bool, typer.Option("--out-of-order", help="Draw a delay for each event. Default: for each sensor.")
    ] = False
    draws: Annotated[
        int, typer.Option("--draws", metavar="N", help="How often each attack is played.", min=1, max=100_000)
    ] = 200
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The seed of the draws.")] = 0
    max_missed: Annotated[
        str, typer.Option("--max-missed", metavar="SHARE", help="Exit 1 if more of an atomic's draws have no alert.")
    ] = "0"
    expect: ExpectOption = None
    json: JsonDocumentOption = None
