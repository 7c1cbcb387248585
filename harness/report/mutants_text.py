"""The mutants of a rule for a terminal: the live ones, with what would kill them."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.text import Text

from harness.model.mutants import Mutants
from harness.text import visible

_WIDTH = 60


def print_mutants(report: Mutants, console: Console) -> None:
    """Print the live mutants, each with its place, and one line of figures."""
    for mutant in report.mutants:
        if mutant.status == "live":
            console.print(Text(f"live  {mutant.operator}  {mutant.at}", style="bold yellow"), soft_wrap=True)
            console.print(visible(f"      {short(mutant.before)}  ->  {short(mutant.after) or '(nothing)'}"))
            console.print(visible(f"      needs {mutant.suggestion}"), soft_wrap=True)
    for mutant in report.mutants:
        if mutant.status == "invalid":
            place = f"{mutant.operator}  {mutant.at}"
            console.print(Text(f"invalid  {place}  (the engine can't run it)", style="dim"), soft_wrap=True)
    counts = Counter(mutant.status for mutant in report.mutants)
    statuses = " · ".join(
        f"{counts[status]} {status}" for status in ("killed", "live", "equivalent", "invalid") if counts[status]
    )
    figures = f"{len(report.mutants)} mutants · {statuses} · score {report.score:.2f}, by {report.cases} cases"
    console.print()
    console.print(f"{report.rule}: {figures}", soft_wrap=True)


def short(text: str, width: int = _WIDTH) -> str:
    """A part of a rule on one line, cut at `width`."""
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"
