"""The history of many nights for a terminal: nights as columns, atomics as rows, a letter for each verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from harness.model.atomic import short_id
from harness.model.history import History
from harness.model.verdict import LETTERS, Verdict
from harness.report.fitting import folded
from harness.text import visible

_STYLES = {Verdict.PROVEN: "green", Verdict.KNOWN_GAP: "yellow", Verdict.SKIPPED: "dim"}
_ABSENT = "."
_CHANGED = "! "
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 80
_NAME = 35
_NIGHT = 3
# Further lines of the head, as many as needed to tell nights apart.
_FINER = {"hour": "%H", "minute": "%M", "second": "%S"}
_HARD_SPACE = "\N{NO-BREAK SPACE}"


def print_history(history: History, console: Console) -> None:
    """Print a table for each rule, with the newest nights that fit, then the latency, then the legend."""
    fit = history.last(max(1, (min(console.width, _WIDTH) - len(_CHANGED) - _NAME) // _NIGHT))
    for rule in fit.rules:
        console.print(Text(visible(rule), style="bold"), soft_wrap=True)
        _print_head(fit, console)
        _print_rule(fit, rule, console)
        console.print()
    _print_latency(fit, console)
    used = {verdict for night in fit.nights for verdict in night.verdicts.values()}
    for line in _legend(used):
        console.print(Text(line, style="dim"), soft_wrap=True)
    if hidden := len(history.nights) - len(fit.nights):
        console.print(Text(f"{hidden} earlier night{'' if hidden == 1 else 's'} not shown", style="dim"))


def _print_head(history: History, console: Console) -> None:
    """Print the month where it begins, the day, and as much of the time as tells runs of one day apart."""
    months = [f"{night.finished:%b}" for night in history.nights]
    lines = [("", [month if not i or months[i - 1] != month else "" for i, month in enumerate(months)])]
    lines.append(("", [f"{night.finished:%d}" for night in history.nights]))
    names = [f"{night.finished:%Y%m%d}" for night in history.nights]
    for name, form in _FINER.items():
        if len(set(names)) == len(names):
            break
        cells = [night.finished.strftime(form) for night in history.nights]
        lines.append((name, cells))
        names = [before + cell for before, cell in zip(names, cells, strict=True)]
    for name, cells in lines:
        console.print(Text(_row(name, cells), style="dim"), soft_wrap=True)


def _print_rule(history: History, rule: str, console: Console) -> None:
    quiet = 0
    for atomic in history.atomics(rule):
        changed = history.changed(rule, atomic)
        if history.is_variant(atomic) and not changed:
            quiet += 1
            continue
        _print_named(atomic, history.verdicts(rule, atomic), changed, console)
    if quiet:
        console.print(f"  and {quiet} variant{'' if quiet == 1 else 's'} without a change")
    counts = [night.background.get(rule) for night in history.nights]
    cells = [_ABSENT if count is None else str(count) if count < 100 else "++" for count in counts]
    changed = len({count for count in counts if count is not None}) > 1
    console.print(Text(_row("alerts in the background", cells, _CHANGED if changed else "")), soft_wrap=True)


def _print_named(atomic: str, verdicts: Sequence[Verdict | None], changed: bool, console: Console) -> None:
    """Print a row; a long name takes several lines, and the verdicts are in the last."""
    *first, last = folded(visible(short_id(atomic)), _NAME - 1)
    sign = _CHANGED if changed else ""
    for line in first:
        console.print(Text(_row(line, [], sign).rstrip()), soft_wrap=True)
        sign = ""
    text = Text(_row(last, [], sign))
    for verdict in verdicts:
        cell = LETTERS[verdict] if verdict else _ABSENT
        text.append(f"{cell:>{_NIGHT}}", style=_STYLES.get(verdict, "bold red") if verdict else "dim")
    console.print(text, soft_wrap=True)


def _row(name: str, cells: Iterable[str], sign: str = "") -> str:
    return f"{sign:{len(_CHANGED)}}{name:{_NAME}}" + "".join(f"{cell:>{_NIGHT}}" for cell in cells)


def _print_latency(history: History, console: Console) -> None:
    """Print the trend as bars, and first, last, lowest and highest as figures."""
    for name, values in (
        ("telemetry", [night.telemetry for night in history.nights]),
        ("alert", [night.alert for night in history.nights]),
    ):
        known = [value for value in values if value is not None]
        if not known:
            continue
        console.print(Text(_row(f"seconds to {name}, median", _bars(values))), soft_wrap=True)
        figures = f"first {known[0]:.2f}, last {known[-1]:.2f}, lowest {min(known):.2f}, highest {max(known):.2f}"
        console.print(f"    {figures}")
        console.print()


def _bars(values: Sequence[float | None]) -> list[str]:
    """The values as bars that begin at zero, so that a small change looks small."""
    top = max((value for value in values if value is not None), default=0.0)
    steps = len(_BARS) - 1
    return [
        _ABSENT if value is None else _BARS[round(steps * max(value, 0.0) / top) if top > 0 else 0] for value in values
    ]


def _legend(used: set[Verdict]) -> list[str]:
    """The meaning of the letters, with line breaks only between entries."""
    letters = [f"{letter} {verdict}" for verdict, letter in LETTERS.items() if verdict in used]
    entries = [*letters, f"{_ABSENT} not part of it", f"{_CHANGED.strip()} changed"]
    text = "  ".join(entry.replace(" ", _HARD_SPACE) for entry in entries)
    return [line.replace(_HARD_SPACE, " ") for line in textwrap.wrap(text, _WIDTH)]
