"""Finding the attack in an atomic's script: the last simple command that has a meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.evasion.meaning import Meaning, understand
from harness.evasion.shell_words import split

_COMMENT = r"[ \t]*#(?!\{)[^\n]*"
_LINE = re.compile(r"(?:'[^']*'|\"(?:[^\"\\]|\\[\s\S])*\"|\\[\s\S]|[^'\"\\\n])+")
_LINES = re.compile(rf"(?m:^){_COMMENT}|{_LINE.pattern}")
# A line that may be an attack, too, but is written in a way that is not parsed here.
_LIKE_AN_ATTACK = re.compile(r"\b(?:docker|kubectl)\b.*\b(?:run|create|exec|get)\b", re.DOTALL)


@dataclass(frozen=True)
class Attack:
    """The attack in a script: what it means, and the text before and after it."""

    before: str
    meaning: Meaning
    after: str

    def replaced_by(self, text: str) -> str:
        """The script with another way to attack."""
        return self.before + text + self.after


def find_attack(script: str) -> Attack | None:
    """The attack in a bash script; None where there is none, or where more than one command may be the attack."""
    lines = list(_LINES.finditer(script))
    if "<<" in script or not _covers(lines, script):
        return None
    for match in reversed(lines):
        line = match[0].strip(" \t")
        words = split(line)
        meaning = understand(words) if words else None
        if meaning is not None:
            start = match.start() + len(match[0]) - len(match[0].lstrip(" \t"))
            return Attack(script[:start], meaning, script[start + len(line) :])
        if not line.startswith("#") and _LIKE_AN_ATTACK.search(line):
            return None
    return None


def _covers(lines: list[re.Match[str]], script: str) -> bool:
    """Whether only line ends lie between the lines; otherwise a quote is left open."""
    at = 0
    for match in lines:
        if script[at : match.start()].strip("\n"):
            return False
        at = match.end()
    return not script[at:].strip("\n")
