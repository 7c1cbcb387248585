"""What was not judged, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from harness.model.atomic import short_id
from harness.model.result import Result, Unjudged
from harness.text import visible

_SOME = 3
_KINDS = {
    "rule": ("rule without expectations", "rules without expectations"),
    "atomic": ("atomic without expectations", "atomics without expectations"),
    "expectation": ("expectation without its atomic", "expectations without their atomic"),
    "skip": ("skip that no expectation allows", "skips that no expectation allows"),
}


def all_unjudged(results: Iterable[Result]) -> list[Unjudged]:
    """What was not judged in any of the results, without duplicates."""
    return list(dict.fromkeys(item for result in results for item in result.unjudged))


def by_kind(unjudged: Sequence[Unjudged]) -> list[tuple[str, list[Unjudged]]]:
    """The items by kind, with a heading for each kind: their number and the kind in words."""
    groups = []
    for kind, (one, several) in _KINDS.items():
        of_kind = [item for item in unjudged if item.kind == kind]
        if of_kind:
            groups.append((f"{len(of_kind)} {one if len(of_kind) == 1 else several}", of_kind))
    return groups


def lines(unjudged: Sequence[Unjudged], *, all_names: bool) -> Iterator[str]:
    """A line for each kind, with the first few names, or with all of them."""
    for heading, of_kind in by_kind(unjudged):
        names = list(dict.fromkeys(item.name for item in of_kind))
        yield f"not judged: {heading}: {', '.join(map(visible, names)) if all_names else _some(names)}"


def _some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _SOME} more" if len(names) > _SOME else ""
    return ", ".join(visible(name) for name in names[:_SOME]) + more


def print_unjudged(results: Sequence[Result], console: Console) -> None:
    """Print a line for each kind, with --require-all also one for each item; nothing where all was judged."""
    required = any(result.all_required for result in results)
    unjudged = all_unjudged(results)
    for heading, of_kind in by_kind(unjudged):
        names = list(dict.fromkeys(item.name for item in of_kind))
        if required:
            console.print(Text(f"not judged: {heading}", style="bold red"), soft_wrap=True)
            for name in names:
                console.print(Text(f"  {visible(name)}"), soft_wrap=True)
            continue
        console.print(
            Text(f"not judged: {heading}:\n  {_some([short_id(name) for name in names])}", style="dim"), soft_wrap=True
        )
    if unjudged and required:
        console.print(Text("All were required: exit 1", style="bold red"))
