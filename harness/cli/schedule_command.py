"""`livefire schedule`: when would Microsoft Sentinel alert, and which events would no run ever see?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.expected import ExpectOption, expectations_of
from harness.cli.options import QueryMemoryOption, QueryTimeoutOption
from harness.cli.outputs import require_writable
from harness.errors import InvalidInput
from harness.files.rule_file import load_rule
from harness.kql.limits import MEMORY, TIME, limits_of
from harness.recording import find_recordings
from harness.report.progress import counting
from harness.report.schedule_text import print_schedule, write_schedule
from harness.report.shown import shown
from harness.report.terminal import Terminal
from harness.study.schedule import DEFAULT, Ingestion, Late, parse_delay, parse_late, parse_share, simulate


def schedule(
    rule: Annotated[Path, typer.Argument(help="The rule, in Sentinel YAML.", metavar="RULE")],
    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings of attacks, or folders of them.", metavar="RECORDING")
    ],
    delay: Annotated[
        str,
        typer.Option("--delay", metavar="D", help="Ingestion delay: measured, fixed:5m, lognormal:p50=2m,p95=15m, …"),
    ] = DEFAULT,
    late: Annotated[
        str | None, typer.Option("--late", metavar="SHARE:D", help="Some events come later still: 1%:6h.")
    ] = None,
    duplicates: Annotated[
        str, typer.Option("--duplicates", metavar="SHARE", help="Some events are ingested twice: 1%.")
    ] = "0",
    out_of_order: Annotated[
        bool, typer.Option("--out-of-order", help="Each event has a delay of its own. Default: each sensor has.")
    ] = False,
    draws: Annotated[
        int, typer.Option("--draws", metavar="N", help="How often each attack is played.", min=1, max=100_000)
    ] = 200,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another seed, other draws.")] = 0,
    max_missed: Annotated[
        str, typer.Option("--max-missed", metavar="SHARE", help="Exit 1 if more draws of an atomic have no alert.")
    ] = "0",
    expectations: ExpectOption = None,
    json: Annotated[str | None, typer.Option("--json", help="Write JSON; - is stdout.", metavar="F")] = None,
    query_timeout: QueryTimeoutOption = TIME,
    query_memory: QueryMemoryOption = MEMORY,
) -> None:
    """Play recorded attacks against the rule's schedule in Microsoft Sentinel. Needs recordings only.

    Each attack that the rule should fire on is played many times, with another phase of the schedule and other
    ingestion delays each time; the rule itself is run over what each run would see.
    """
    load_rule(rule)
    expected = expectations_of(rule, expectations)
    allowed = _share("--max-missed", max_missed)
    limits = limits_of(query_timeout, query_memory)
    ingestion = Ingestion(
        parse_delay(delay), parse_late(late) if late else Late(), _share("--duplicates", duplicates), out_of_order
    )
    require_writable({"--json": json})
    with counting("playing attacks") as progress:
        result = simulate(
            rule,
            expected,
            find_recordings(recordings),
            ingestion,
            draws=draws,
            seed=seed,
            max_missed=allowed,
            limits=limits,
            progress=progress,
        )
    if json != "-":
        print_schedule(shown(result), Terminal())
    if json:
        write_schedule(result, json)
    raise typer.Exit(0 if result.passed else 1)


def _share(option: str, text: str) -> float:
    try:
        return parse_share(text)
    except ValueError as error:
        raise InvalidInput(f"{option} {text}: {error}") from None
