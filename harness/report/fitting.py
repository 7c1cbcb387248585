"""Names made to fit."""

from __future__ import annotations

import re

_PARTS = re.compile(r"[^-./~_ ]*[-./~_ ]|[^-./~_ ]+")


def folded(name: str, width: int) -> list[str]:
    """A name as lines of at most `width`, broken after a separator; within a word only where that is longer itself."""
    lines = [""]
    for part in _PARTS.findall(name):
        if len(lines[-1] + part.rstrip(" ")) > width and lines[-1]:
            lines.append("")
        lines[-1] += part
        while len(lines[-1].rstrip(" ")) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return [line.rstrip(" ") for line in lines]
