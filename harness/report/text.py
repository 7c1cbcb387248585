"""Text made safe to show, and to fit: a command line may hold anything, terminal escapes too."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")

_PARTS = re.compile(r"[^-./~_ ]*[-./~_ ]|[^-./~_ ]+")


def visible(text: object) -> str:
    """One line of text, control characters and direction marks written as escapes."""
    flat = str(text).replace("\n", "\\n").replace("\t", "\\t")
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", flat)


def visible_lines(text: str, most: int) -> list[str]:
    """The lines of a text, each `visible`, without blank ones around them; after `most` of them the rest is counted."""
    lines = text.strip("\n").split("\n") if text.strip("\n") else []
    rest = len(lines) - most
    more = [f"… and {rest} more line{'' if rest == 1 else 's'}"] if rest > 0 else []
    return [visible(line) for line in lines[:most]] + more


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


def legal_xml(text: object) -> str:
    """Text without the characters that XML 1.0 forbids (section 2.2, Char)."""
    return "".join(
        c if c in "\t\n\r" or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD or ord(c) > 0xFFFF else "\ufffd"
        for c in str(text)
    )
