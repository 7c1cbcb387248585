"""Lines of a YAML file with their numbers, and marks below the places of interest."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import Position

_BLOCK = 8  # how many lines below a place are shown


def excerpt(text: str, marked: Sequence[Position], around: Sequence[Position] = ()) -> list[str]:
    """The lines of the `marked` places, what is indented below them, and a mark below each; lines `around` have none.

    A colon stands for lines that are left out.
    """
    lines = text.splitlines()
    marks: dict[int, set[int]] = {}
    shown = {position.line for position in around}
    for position in marked:
        marks.setdefault(position.line, set()).add(position.column)
        shown |= set(_block(lines, position))
    width = len(str(max(shown | marks.keys())))
    excerpted: list[str] = []
    last = min(shown)
    for number in sorted(shown):
        if number > last + 1:
            excerpted.append(f"  {':':>{width}}")
        excerpted.append(f"  {number:>{width}} | {lines[number - 1]}".rstrip())
        if number in marks:
            excerpted.append(f"  {'':>{width}} | {_carets(marks[number])}")
        last = number
    return excerpted


def _block(lines: Sequence[str], position: Position) -> range:
    """The line numbers of a place: its own line, and those indented more or in the same list item."""
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
