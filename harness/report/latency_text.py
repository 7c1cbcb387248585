"""Several results side by side on a terminal: how long each layer took, and verdicts that differ."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from harness.model.atomic import short_id
from harness.model.result import Result, counted
from harness.study.nights.flakes import flakes
from harness.study.nights.latency import Timed, timed
from harness.text import visible

_NAME, _FIGURE = 40, 8


def print_latency(results: Sequence[Result], console: Console) -> None:
    """A table for each rule: the layers of each atomic, with the number of measurements. Nothing where none is known.

    A percentile that would be the maximum by another name is a dash.
    """
    results = counted(results)
    found = timed(results)
    for rule in dict.fromkeys(each.rule for each in found):
        title = f"{visible(rule)}: seconds from exec, over {len(results)} recordings"
        console.print(Text(title, style="bold"), soft_wrap=True)
        console.print(Text(_row("ATOMIC, LAYER", ["N", "P50", "P95", "P99", "MAX"])), soft_wrap=True)
        of_rule = [each for each in found if each.rule == rule]
        for atomic in dict.fromkeys(each.atomic for each in of_rule):
            console.print(Text(visible(short_id(atomic))), soft_wrap=True)
            for each in of_rule:
                if each.atomic == atomic:
                    console.print(Text(_line(each)), soft_wrap=True)
        console.print()


def print_flakes(results: Sequence[Result], console: Console) -> None:
    """Each atomic whose verdict is not the same in all recordings, and which it was in which.

    Nothing where no two recordings have an atomic in common.
    """
    results = counted(results)
    held = [{each.atomic for each in result.results} for result in results]
    if len(set().union(*held)) == sum(map(len, held)):
        return
    found = flakes(results)
    for flake in found:
        line = Text("FLAKE  ", style="bold red")
        console.print(line.append(visible(f"{flake.atomic} [{flake.rule}]"), style="default"), soft_wrap=True)
        for verdict, recordings in flake.recordings.items():
            console.print(Text(f"  {len(recordings)} x {verdict}: {visible(', '.join(recordings))}"), soft_wrap=True)
    told = f"{len(found)} verdict{' differs' if len(found) == 1 else 's differ'} between {len(results)} recordings"
    told = told if found else f"the same verdicts in all {len(results)} recordings"
    console.print(Text(told, style="bold red" if found else "bold green"), soft_wrap=True)


def _line(each: Timed) -> str:
    spread = each.spread
    figures = (spread.p50, spread.p95, spread.p99, spread.max)
    return _row(f"  {each.layer}", [str(spread.count), *("-" if v is None else f"{v:.2f}" for v in figures)])


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:{_NAME}}" + "".join(f"{cell:>{_FIGURE}}" for cell in cells)
