"""A simulated schedule for a terminal: a line for each atomic, and the weaknesses in words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from harness.model.atomic import short_id
from harness.model.duration import format_duration
from harness.model.schedule import Schedule
from harness.model.schedule_result import Assumptions, AtomicSchedule, ScheduleResult
from harness.text import visible

_WIDTH = 80
_NAME, _SHARE, _TIME, _COUNT = 36, 7, 8, 5
_OPERATORS = {"gt": "more than", "lt": "fewer than", "eq": "exactly", "ne": "not"}


def print_schedule(result: ScheduleResult, console: Console) -> None:
    """Print how the rule runs, what was assumed, a line for each atomic, and each weakness with its cure."""
    console.print(Text(visible(result.rule), style="bold"), soft_wrap=True)
    for line in (*_wrapped(how(result.schedule)), *_wrapped(assumed(result.assumptions))):
        console.print(Text(line), soft_wrap=True)
    console.print()
    console.print(Text(_row("", ("", "FIRST ALERT AFTER"), ("", "")).rstrip()), soft_wrap=True)
    console.print(Text(_row("ATOMIC", ("MISSED", "P50", "P95", "MAX"), ("RUNS", "LOST"))), soft_wrap=True)
    for atomic in result.atomics:
        style = "" if atomic.missed_share <= result.max_missed else "red"
        console.print(Text(_line(atomic), style=style), soft_wrap=True)
    for weakness in result.weaknesses:
        console.print()
        console.print(Text(f"{weakness.kind}  {visible(weakness.at)}", style="bold yellow"), soft_wrap=True)
        for line in (*_wrapped(weakness.text), *_wrapped(f"cure: {weakness.cure}")):
            console.print(Text(line), soft_wrap=True)
    console.print()
    _print_summary(result, console)


def verdict(result: ScheduleResult) -> str:
    """The outcome in words."""
    failing = sum(atomic.missed_share > result.max_missed for atomic in result.atomics)
    count = "1 atomic" if len(result.atomics) == 1 else f"{len(result.atomics)} atomics"
    if failing:
        return f"{failing} of {count} without an alert in more than {result.max_missed:.1%} of the draws"
    if any(atomic.missed for atomic in result.atomics):
        return f"{count}: no more than {result.max_missed:.1%} of the draws without an alert"
    return f"{count}: an alert in every draw"


def _print_summary(result: ScheduleResult, console: Console) -> None:
    line = Text(verdict(result), style="bold green" if result.passed else "bold red")
    console.print(line.append(f" · exit {0 if result.passed else 1}", style="default"), soft_wrap=True)


def how(schedule: Schedule) -> str:
    """When the rule runs, over which data, and what makes an alert, in words."""
    if schedule.kind == "NRT":
        run = (
            "near real time: a run every minute over what was ingested in the minute before, executed 2m later; any row"
        )
    else:
        run = (
            f"a run every {format_duration(schedule.frequency)} over what was generated in the last "
            f"{format_duration(schedule.period)}, executed {format_duration(schedule.delay)} later; "
            f"{_OPERATORS[schedule.operator]} {schedule.threshold} row{'' if schedule.threshold == 1 else 's'}"
        )
    grouping = " for each row" if schedule.grouping == "AlertPerResult" else ""
    quiet = f", then no run for {format_duration(schedule.suppression)}" if schedule.suppression else ""
    return f"{run} make{'s' if schedule.kind == 'NRT' else ''} an alert{grouping}{quiet}"


def assumed(assumptions: Assumptions) -> str:
    """The assumptions of the simulation, in words."""
    texts = [f"ingestion delay {assumptions.delay}"]
    if assumptions.delay == "measured":
        texts = ["ingestion delay as measured, which is how fast this lab was read, not how fast a workspace is"]
    if assumptions.late_share:
        texts.append(f"{assumptions.late_share:.1%} of events {format_duration(assumptions.late_by)} later")
    if assumptions.duplicates:
        texts.append(f"{assumptions.duplicates:.1%} of events twice")
    if assumptions.out_of_order:
        texts.append("out of order")
    return f"{'; '.join(texts)}; {assumptions.draws} draws of each attack, seed {assumptions.seed}"


def _line(atomic: AtomicSchedule) -> str:
    first = atomic.first_alert
    times = (first.p50, first.p95, first.max) if first else (None, None, None)
    runs = f"{atomic.runs.p50:.0f}" if atomic.runs else "-"
    name = visible(short_id(atomic.atomic))
    figures = (f"{atomic.missed_share:.1%}", *(_time(time) for time in times))
    return _row(name, figures, (runs, f"{atomic.lost_share:.1%}"))


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else format_duration(seconds)


def _row(name: str, figures: Sequence[str], counts: Sequence[str]) -> str:
    """A row of the table. A long name has a line of its own."""
    share, *times = figures
    cells = f"{share:>{_SHARE}}" + "".join(f"{time:>{_TIME}}" for time in times)
    cells += f"{counts[0]:>{_COUNT}}{counts[1]:>{_SHARE}}"
    return f"{name:{_NAME}}{cells}" if len(name) <= _NAME else f"{name}\n{'':{_NAME}}{cells}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(visible(text), _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
