"""A simulated schedule for a terminal: a line for each atomic and what is wrong, in words."""

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
    for each in result.atomics:
        console.print(Text(_line(each), style="" if each.missed_share <= result.max_missed else "red"), soft_wrap=True)
    for weakness in result.weaknesses:
        console.print()
        console.print(Text(f"{weakness.kind}  {visible(weakness.at)}", style="bold yellow"), soft_wrap=True)
        for line in (*_wrapped(weakness.text), *_wrapped(f"cure: {weakness.cure}")):
            console.print(Text(line), soft_wrap=True)
    console.print()
    _print_summary(result, console)


def verdict(result: ScheduleResult) -> str:
    """What it comes to, in words."""
    failing = sum(each.missed_share > result.max_missed for each in result.atomics)
    count = "1 atomic" if len(result.atomics) == 1 else f"{len(result.atomics)} atomics"
    if failing:
        return f"{failing} of {count} without an alert in more than {result.max_missed:.1%} of the draws"
    if any(each.missed for each in result.atomics):
        return f"{count}: no more than {result.max_missed:.1%} of the draws without an alert"
    return f"{count}: an alert in every draw"


def _print_summary(result: ScheduleResult, console: Console) -> None:
    line = Text(verdict(result), style="bold green" if result.passed else "bold red")
    console.print(line.append(f" · exit {0 if result.passed else 1}", style="default"), soft_wrap=True)


def how(schedule: Schedule) -> str:
    """When the rule runs, over what, and what makes an alert, in words."""
    if schedule.kind == "NRT":
        told = (
            "near real time: a run every minute over what was ingested in the minute before, executed 2m later; any row"
        )
    else:
        told = (
            f"a run every {format_duration(schedule.frequency)} over what was generated in the last "
            f"{format_duration(schedule.period)}, executed {format_duration(schedule.delay)} later; "
            f"{_OPERATORS[schedule.operator]} {schedule.threshold} row{'' if schedule.threshold == 1 else 's'}"
        )
    each = " for each row" if schedule.grouping == "AlertPerResult" else ""
    quiet = f", then no run for {format_duration(schedule.suppression)}" if schedule.suppression else ""
    return f"{told} make{'s' if schedule.kind == 'NRT' else ''} an alert{each}{quiet}"


def assumed(given: Assumptions) -> str:
    """What was simulated, in words."""
    told = [f"ingestion delay {given.delay}"]
    if given.delay == "measured":
        told = ["ingestion delay as measured, which is how fast this lab was read, not how fast a workspace is"]
    if given.late_share:
        told.append(f"{given.late_share:.1%} of events {format_duration(given.late_by)} later")
    if given.duplicates:
        told.append(f"{given.duplicates:.1%} of events twice")
    if given.out_of_order:
        told.append("out of order")
    return f"{'; '.join(told)}; {given.draws} draws of each attack, seed {given.seed}"


def _line(each: AtomicSchedule) -> str:
    first = each.first_alert
    times = (first.p50, first.p95, first.max) if first else (None, None, None)
    told = [_time(time) for time in times]
    runs = f"{each.runs.p50:.0f}" if each.runs else "-"
    name = visible(short_id(each.atomic))
    return _row(name, (f"{each.missed_share:.1%}", *told), (runs, f"{each.lost_share:.1%}"))


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else format_duration(seconds)


def _row(name: str, figures: Sequence[str], counts: Sequence[str]) -> str:
    """A long name has a line of its own."""
    share, *times = figures
    told = f"{share:>{_SHARE}}" + "".join(f"{time:>{_TIME}}" for time in times)
    told += f"{counts[0]:>{_COUNT}}{counts[1]:>{_SHARE}}"
    return f"{name:{_NAME}}{told}" if len(name) <= _NAME else f"{name}\n{'':{_NAME}}{told}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(visible(text), _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
