"""What was asked for and not judged, in words."""

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
    "atomic": ("atomic of which no rule expects anything", "atomics of which no rule expects anything"),
    "expectation": ("expectation without its atomic", "expectations without their atomic"),
    "skip": ("skip that no expectation allows for", "skips that no expectation allows for"),
}


def all_unjudged(results: Iterable[Result]) -> list[Unjudged]:
    """Those of all results, each once."""
    return list(dict.fromkeys(each for result in results for each in result.unjudged))


def by_kind(unjudged: Sequence[Unjudged]) -> list[tuple[str, list[Unjudged]]]:
    """Each kind in words, with its number, and what is of it."""
    found = []
    for kind, (one, several) in _KINDS.items():
        of_kind = [each for each in unjudged if each.kind == kind]
        if of_kind:
            found.append((f"{len(of_kind)} {one if len(of_kind) == 1 else several}", of_kind))
    return found


def lines(unjudged: Sequence[Unjudged]) -> Iterator[str]:
    """A line for each kind, with a name for each that is of it."""
    for said, of_kind in by_kind(unjudged):
        names = dict.fromkeys(visible(each.name) for each in of_kind)
        yield f"not judged: {said}: {', '.join(names)}"


def print_unjudged(results: Sequence[Result], console: Console) -> None:
    """A line for each kind, and where all is required one more for each; nothing where all was judged."""
    required = any(result.all_required for result in results)
    unjudged = all_unjudged(results)
    for said, of_kind in by_kind(unjudged):
        names = list(dict.fromkeys(each.name for each in of_kind))
        if required:
            console.print(Text(f"not judged: {said}", style="bold red"), soft_wrap=True)
            for name in names:
                console.print(Text(f"  {visible(name)}"), soft_wrap=True)
            continue
        some = ", ".join(visible(short_id(name)) for name in names[:_SOME])
        more = f" and {len(names) - _SOME} more" if len(names) > _SOME else ""
        console.print(Text(f"not judged: {said}:\n  {some}{more}", style="dim"), soft_wrap=True)
    if unjudged and required:
        console.print(Text("All were required: exit 1", style="bold red"))
