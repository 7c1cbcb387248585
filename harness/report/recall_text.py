"""The figures of each rule for a terminal: recall by family, benign runs, flags, tuning; rules side by side."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.model.result import Result
from harness.model.rule_figures import Recall
from harness.report.fitting import folded
from harness.text import visible

_WIDTH = 80
_FIRST = 26  # the width of the first two columns
_SPLIT = {"tuned": "variants for tuning", "held_out": "held-out variants"}


def print_account(result: Result, console: Console) -> None:
    """Print the tables; nothing for a result without variants and benign runs."""
    for title, table in _tables(result):
        console.print()
        console.print(Text(title, style="bold"))
        console.print(table)


def _tables(result: Result) -> Iterator[tuple[str, Table]]:
    if result.recall:
        yield "Evasions: equivalent variants on which the rule fires / all equivalent variants", _recall(result)
    if result.benign:
        yield "Benign runs: alerts, and alerts per 100 commands", _benign(result)
    if result.benign and result.flags:  # none where no attack was judged
        yield "Flags: alerts with the flag on attacks / all alerts with it", _flags(result)
    for rule, rows in result.tuning.items():
        table = _table("EXCLUSION", "BENIGN", "PRECISION", "RECALL")
        first = rows[0]
        for row in rows:
            precision, recall = _percent(row.precision), _percent(row.recall)
            if row is not first:
                precision += _change(row.precision, first.precision)
                recall += _change(row.recall, first.recall)
            table.add_row(visible(row.name), str(row.benign_alerts), precision, recall)
        yield f"Tuning of {rule}: benign alerts, precision, recall", table


def _recall(result: Result) -> Table:
    rules = list(result.recall)
    table = _table("FAMILY", "RAN", *_headings(rules))
    for family in sorted({name for families in result.recall.values() for name in families}):
        counts = [result.recall[rule].get(family, Recall()) for rule in rules]
        table.add_row(family, str(counts[0].executed), *(_found(count) for count in counts))
    for name, title in _SPLIT.items():
        counts = [result.recall_split.get(rule, {}).get(name, Recall()) for rule in rules]
        table.add_row(Text(title, style="bold"), str(counts[0].executed), *(_found(count) for count in counts))
    return table


def _found(count: Recall) -> str:
    if not count.equivalent:
        return "-"
    flags = "" if count.flags_right == count.fired else f", flags {count.flags_right}"
    return f"{count.fired}/{count.equivalent} {count.fired / count.equivalent:4.0%}{flags}"


def _benign(result: Result) -> Table:
    rules = list(result.benign)
    table = _table("FAMILY", "COMMANDS", *_headings(rules))
    for family in sorted({name for families in result.benign.values() for name in families}):
        counts = [result.benign[rule].get(family) for rule in rules]
        commands = next((str(count.commands) for count in counts if count), "-")
        cells = [f"{c.alerts}  {100 * c.alerts / c.commands if c.commands else 0:.1f}" if c else "-" for c in counts]
        table.add_row(family, commands, *cells)
    return table


def _flags(result: Result) -> Table:
    rules = list(result.flags)
    table = _table("FLAG", *_headings(rules))
    for flag in sorted({name for flags in result.flags.values() for name in flags}):
        counts = [result.flags[rule].get(flag) for rule in rules]
        cells = [f"{c.attacks}/{c.attacks + c.benign} {_percent(c.precision)}" if c else "-" for c in counts]
        table.add_row(flag, *cells)
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _change(share: float | None, before: float | None) -> str:
    return "" if share is None or before is None else f" ({share - before:+.0%})"


def _headings(rules: list[str]) -> list[str]:
    """The names of the rules, folded so that all columns fit."""
    width = max(10, (_WIDTH - _FIRST) // len(rules) - 2)
    return ["\n".join(folded(visible(rule), width)) for rule in rules]


def _table(first: str, *titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for title in titles:
        table.add_column(title, justify="right", overflow="fold")
    return table
