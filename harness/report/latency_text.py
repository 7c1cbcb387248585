"""Several results side by side for a terminal: the latency of each layer, and the verdicts that differ."""

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
    """Print for each rule the layers of each atomic, with the number of measurements; nothing where no time is known.

    A dash stands for a percentile of too few measurements, which would equal the maximum.
    """
    results = counted(results)
    times = timed(results)
    for rule in dict.fromkeys(layer.rule for layer in times):
        title = f"{visible(rule)}: seconds from exec, over {len(results)} recordings"
        console.print(Text(title, style="bold"), soft_wrap=True)
        console.print(Text(_row("ATOMIC, LAYER", ["N", "P50", "P95", "P99", "MAX"])), soft_wrap=True)
        of_rule = [layer for layer in times if layer.rule == rule]
        for atomic in dict.fromkeys(layer.atomic for layer in of_rule):
            console.print(Text(visible(short_id(atomic))), soft_wrap=True)
            for layer in of_rule:
                if layer.atomic == atomic:
                    console.print(Text(_line(layer)), soft_wrap=True)
        console.print()


def print_flakes(results: Sequence[Result], console: Console) -> None:
    """Print each atomic whose verdict differs between recordings, with the recordings of each verdict.

    Nothing where no two recordings share an atomic.
    """
    results = counted(results)
    held = [{row.atomic for row in result.results} for result in results]
    if len(set().union(*held)) == sum(map(len, held)):
        return
    differing = flakes(results)
    for flake in differing:
        line = Text("FLAKE  ", style="bold red")
        console.print(line.append(visible(f"{flake.atomic} [{flake.rule}]"), style="default"), soft_wrap=True)
        for verdict, recordings in flake.recordings.items():
            console.print(Text(f"  {len(recordings)} x {verdict}: {visible(', '.join(recordings))}"), soft_wrap=True)
    verb = " differs" if len(differing) == 1 else "s differ"
    summary = f"{len(differing)} verdict{verb} between {len(results)} recordings"
    summary = summary if differing else f"the same verdicts in all {len(results)} recordings"
    console.print(Text(summary, style="bold red" if differing else "bold green"), soft_wrap=True)


def _line(layer: Timed) -> str:
    spread = layer.spread
    figures = (spread.p50, spread.p95, spread.p99, spread.max)
    return _row(f"  {layer.layer}", [str(spread.count), *("-" if v is None else f"{v:.2f}" for v in figures)])


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:{_NAME}}" + "".join(f"{cell:>{_FIGURE}}" for cell in cells)
