"""Some lines of a YAML file, with their numbers, and marks below the places that matter."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import Position

_BLOCK = 8  # how many lines below a place are shown


def excerpt(text: str, wanted: Sequence[Position], around: Sequence[Position] = ()) -> list[str]:
    """The lines of the `wanted` places, with what is indented below them, a mark below each; those `around` bare.

    Lines that were left out between two that are shown are told by a colon.
    """
    lines = text.splitlines()
    marks: dict[int, set[int]] = {}
    shown = {position.line for position in around}
    for position in wanted:
        marks.setdefault(position.line, set()).add(position.column)
        shown |= set(_block(lines, position))
    width = len(str(max(shown | marks.keys())))
    found: list[str] = []
    last = min(shown)
    for number in sorted(shown):
        if number > last + 1:
            found.append(f"  {':':>{width}}")
        found.append(f"  {number:>{width}} | {lines[number - 1]}".rstrip())
        if number in marks:
            found.append(f"  {'':>{width}} | {_carets(marks[number])}")
        last = number
    return found


def _block(lines: Sequence[str], position: Position) -> range:
    """The numbers of the lines of a place: its own, and those that are indented more (or belong to its list item)."""
    first = lines[position.line - 1]
    item = first[: position.column - 1].strip() == "-"
    end = position.line
    while end < len(lines) and end < position.line + _BLOCK:
        line = lines[end]
        indent = len(line) - len(line.lstrip())
        if line.strip() and not (indent > position.column - 1 or (item and indent == position.column - 1)):
            break
        end += 1
    while end > position.line and not lines[end - 1].strip():
        end -= 1
    return range(position.line, end + 1)


def _carets(columns: set[int]) -> str:
    return "".join("^" if column in columns else " " for column in range(1, max(columns) + 1))
