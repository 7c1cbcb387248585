"""Long names, folded to a width."""

from __future__ import annotations

import re

_PARTS = re.compile(r"[^-./~_ ]*[-./~_ ]|[^-./~_ ]+")


def folded(name: str, width: int) -> list[str]:
    """A name as lines of at most `width`, broken after separators, and within a word only if it is longer than that."""
    lines = [""]
    for piece in _PARTS.findall(name):
        if len(lines[-1] + piece.rstrip(" ")) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece
        while len(lines[-1].rstrip(" ")) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return [line.rstrip(" ") for line in lines]
