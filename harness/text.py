"""Text that may be shown: no character in it acts on a terminal, turns the text around, or hides in it.

Names, outputs of commands and logs may hold anything. GitHub's runner takes a line that begins with `::`, whatever
blanks stand before it, and a line with `##[` anywhere, for a command to itself (actions/runner, ActionCommand.cs);
Azure Pipelines and TeamCity have `##vso[` and `##teamcity[`.
"""

from __future__ import annotations

import json
import re

# Controls (C0, DEL, C1), marks without a width, line and paragraph separators, directions, halves of surrogate pairs,
# tags, and what is no character.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
_AT_LINE_START = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
_ANYWHERE = re.compile(r"#(?=#[a-z]*\[)")


def visible(text: object) -> str:
    """One line of text: what is unsafe, line feeds and tabs are written as escapes."""
    return visible_text(text).replace("\n", "\\n").replace("\t", "\\t")


def visible_text(text: object) -> str:
    """Text of several lines: what is unsafe is written as escapes; line feeds and tabs remain."""
    return _UNSAFE.sub(_escape, str(text))


def visible_lines(text: str, most: int) -> list[str]:
    """The lines of a text, each `visible`, without blank ones around them; after `most` of them the rest is counted."""
    lines = text.strip("\n").split("\n") if text.strip("\n") else []
    rest = len(lines) - most
    more = [f"… and {rest} more line{'' if rest == 1 else 's'}"] if rest > 0 else []
    return [visible(line) for line in lines[:most]] + more


def printable(text: object) -> str:
    """What is printed, as a whole or from the start of a line: as `visible_text`, and no line is a command to CI."""
    return _ANYWHERE.sub(r"\\x23", _AT_LINE_START.sub(r"\1\\x3a", visible_text(text)))


def printable_json(text: str) -> str:
    """The same for JSON, by escapes of its own: the document is equal. Such characters stand in strings alone."""
    return _ANYWHERE.sub(r"\\u0023", _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
