"""Several results side by side on a terminal: how long each layer took, and verdicts that differ."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from harness.model.result import Result
from harness.proof.flakes import flakes
from harness.proof.latency import Timed, timed
from harness.report.text import visible

_NAME, _FIGURE = 40, 8


def print_latency(results: Sequence[Result], console: Console) -> None:
    """A table for each rule: the layers of each atomic, with the number of measurements. Nothing where none is known.

    A percentile that would be the maximum by another name is a dash.
    """
    found = timed(results)
    for rule in dict.fromkeys(each.rule for each in found):
        title = f"{visible(rule)}: seconds from exec, over {len(results)} recordings"
        console.print(Text(title, style="bold"), soft_wrap=True)
        console.print(Text(_row("ATOMIC, LAYER", ["N", "P50", "P95", "P99", "MAX"])), soft_wrap=True)
        of_rule = [each for each in found if each.rule == rule]
        for atomic in dict.fromkeys(each.atomic for each in of_rule):
            console.print(Text(visible(atomic.partition("/")[2] or atomic)), soft_wrap=True)
            for each in of_rule:
                if each.atomic == atomic:
                    console.print(Text(_line(each)), soft_wrap=True)
        console.print()


def print_flakes(results: Sequence[Result], console: Console) -> None:
    """Each atomic whose verdict is not the same in all recordings, and which it was in which."""
    for flake in flakes(results):
        line = Text("FLAKE  ", style="bold red")
        console.print(line.append(visible(f"{flake.atomic} [{flake.rule}]"), style="default"), soft_wrap=True)
        for verdict, recordings in flake.recordings.items():
            console.print(Text(f"  {len(recordings)} x {verdict}: {visible(', '.join(recordings))}"), soft_wrap=True)
    found = len(flakes(results))
    told = f"{found} verdict{' differs' if found == 1 else 's differ'} between" if found else "the same verdicts in all"
    style = "bold red" if found else "bold green"
    console.print(Text(f"{told} {len(results)} recordings", style=style), soft_wrap=True)


def _line(each: Timed) -> str:
    spread = each.spread
    figures = (spread.p50, spread.p95, spread.p99, spread.max)
    return _row(f"  {each.layer}", [str(spread.count), *("-" if v is None else f"{v:.2f}" for v in figures)])


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:{_NAME}}" + "".join(f"{cell:>{_FIGURE}}" for cell in cells)
