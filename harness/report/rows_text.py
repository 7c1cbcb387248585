"""Rows for a terminal: a table where it fits, else one block a row, without the columns that are empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from harness.files.rows_file import shown
from harness.report.terminal import Terminal
from harness.text import visible


def print_rows(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], limit: int, terminal: Terminal) -> None:
    """Print at most `limit` rows, and how many there are. `columns` are those of the output, in order."""
    texts = [{name: visible(shown(row.get(name))) for name in columns} for row in rows[:limit]]
    widths = {name: max(len(text) for text in [name, *(row[name] for row in texts)]) for name in columns}
    if texts and sum(widths.values()) + 2 * len(widths) <= terminal.width:
        terminal.print(_table(columns, texts))
    else:
        for number, row in enumerate(texts, 1):
            terminal.print(Text(f"row {number}", style="bold"))
            for name, text in row.items():
                if text:
                    terminal.print(Text(f"  {name}: {text}"), soft_wrap=True)
    count = f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
    terminal.print(count if len(rows) <= limit else f"{count}, the first {limit} shown: --limit N shows more")


def print_tables(counts: Mapping[str, int] | None, tables: Mapping[str, Mapping[str, tuple[str, str]]]) -> None:
    """Print each table with the type and a sample value of its columns. `counts` are the rows of each, if known."""
    terminal = Terminal()
    for name, columns in tables.items():
        count = "" if counts is None else f"  {counts[name]} row{'' if counts[name] == 1 else 's'}"
        terminal.print(Text(f"{name}{count}", style="bold"))
        width = max(map(len, columns))
        for column, (kind, sample) in columns.items():
            line = f"  {column:{width}}  {kind:8}  {visible(sample)}".rstrip()
            terminal.print(Text(line), no_wrap=True, overflow="ellipsis")


def _table(columns: Mapping[str, str], texts: Sequence[Mapping[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, kind in columns.items():
        table.add_column(visible(name), justify="right" if kind in ("long", "real") else "left")
    for row in texts:
        table.add_row(*(Text(row[name]) for name in columns))
    return table
