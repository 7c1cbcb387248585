"""The lines of a rule around the predicate that rejected a row, as far as the file is the one that was judged."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import LivefireError
from harness.model.result import AtomicResult
from harness.model.rule import load_rule

_AROUND = 2
_LET_LINES = 20
_PLACE = re.compile(r"(?P<file>.+):(?P<line>[1-9][0-9]{0,8}):(?P<column>[0-9]{1,9})")
_LET = re.compile(r"\s*let\s+(\w+)\s*=")


@dataclass(frozen=True)
class RuleLine:
    """A line of the file; `marked` where the predicate begins, `gap` where lines before it are left out."""

    number: int
    text: str
    marked: bool = False
    gap: bool = False


class RuleFiles:
    """The rules' files, each read once for a page."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], list[str]] = {}

    def around(self, result: AtomicResult) -> list[RuleLine]:
        """The lines around the near miss, and the `let` statements that its predicate names.

        Empty where the file is gone or is not, to the letter of its query, the rule that was judged.
        """
        near = result.near_miss
        match = _PLACE.fullmatch(near.at) if near else None
        if near is None or match is None:
            return []
        lines = self._lines(match["file"], result.inputs.rule)
        middle = int(match["line"])
        if not 0 < middle <= len(lines):
            return []
        chosen = {number for number in range(middle - _AROUND, middle + _AROUND + 1) if 0 < number <= len(lines)}
        for number, text in enumerate(lines, 1):
            let = _LET.match(text)
            if let and re.search(rf"\b{let[1]}\b", near.predicate):
                chosen.update(_statement(lines, number))
        ordered = sorted(chosen)
        return [
            RuleLine(number, lines[number - 1], number == middle, i > 0 and ordered[i - 1] != number - 1)
            for i, number in enumerate(ordered)
        ]

    def _lines(self, file: str, digest: str) -> list[str]:
        key = (file, digest)
        if key not in self._read:
            self._read[key] = _verified(Path(file), digest)
        return self._read[key]


def _statement(lines: list[str], first: int) -> range:
    """The numbers of the lines of the statement that begins there."""
    end = first
    while end < len(lines) and not lines[end - 1].rstrip().endswith(";") and end < first + _LET_LINES:
        end += 1
    return range(first, end + 1)


def _verified(file: Path, digest: str) -> list[str]:
    """The lines of a rule's file; none where its query is another one."""
    try:
        rule = load_rule(file)
        return file.read_text(encoding="utf-8").splitlines() if rule.digest == digest else []
    except (LivefireError, OSError, ValueError):
        return []
