"""What was expected and not judged, since no recording holds its atomic."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from harness.model.atomic import short_id
from harness.model.expectation import Expectation
from harness.report.text import visible

_SOME = 3


def print_unjudged(expectations: Sequence[Expectation], console: Console, *, every: bool) -> None:
    """One line, and with `every` one more for each atomic; nothing where all was judged."""
    if not expectations:
        return
    atomics = list(dict.fromkeys(each.atomic for each in expectations))
    several = len(expectations) > 1
    count = f"{len(expectations)} expectations name atomics" if several else "1 expectation names an atomic"
    line = f"not judged: {count} that no recording holds"
    if every:
        console.print(Text(line, style="bold red"), soft_wrap=True)
        for atomic in atomics:
            console.print(Text(f"  {visible(atomic)}"), soft_wrap=True)
        console.print(Text("All were required: exit 1", style="bold red"))
        return
    named = ", ".join(visible(short_id(atomic)) for atomic in atomics[:_SOME])
    more = f" and {len(atomics) - _SOME} more" if len(atomics) > _SOME else ""
    console.print(Text(f"{line}:\n  {named}{more}", style="dim"), soft_wrap=True)
