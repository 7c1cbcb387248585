"""A progress bar on a terminal: `3 of 9`, and the time left. Without a terminal there is none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from harness.report.terminal import Terminal

_PACE = 600.0  # seconds of the past from which the time left is estimated: one recording may take a minute


class _Counted(ProgressColumn):
    """`3 of 9`; empty while the total is not known."""

    def render(self, task: Task) -> Text:
        return Text("") if task.total is None else Text(f"{int(task.completed)} of {int(task.total)}")


class _Left(TimeRemainingColumn):
    """`0:00:12 left`; empty while it is not known."""

    def render(self, task: Task) -> Text:
        return super().render(task).append(" left") if task.time_remaining else Text("")


def bar(console: Console) -> Progress:
    """A bar that disappears when it is stopped."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        _Counted(),
        _Left(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        speed_estimate_period=_PACE,
    )


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error for the block. Yields the function to call with `(done, total)`."""
    with bar(Terminal(stderr=True)) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
