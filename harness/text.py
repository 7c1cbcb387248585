"""Text that is safe to show: no character in it controls a terminal, changes the direction of text, or is invisible.

Names, outputs of commands and logs may hold anything. GitHub's runner reads a line as a command if it begins with `::`
after any blanks, or has `##[` anywhere (actions/runner, ActionCommand.cs); Azure Pipelines and TeamCity have `##vso[`
and `##teamcity[`.
"""

from __future__ import annotations

import json
import re

# Controls (C0, DEL, C1), zero-width marks, line and paragraph separators, direction marks, surrogates, tags, and
# noncharacters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
_AT_LINE_START = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
_ANYWHERE = re.compile(r"#(?=#[a-z]*\[)")


def visible(text: object) -> str:
    """One line of text: unsafe characters, line feeds and tabs become escapes."""
    return visible_text(text).replace("\n", "\\n").replace("\t", "\\t")


def visible_text(text: object) -> str:
    """Text of several lines: unsafe characters become escapes; line feeds and tabs remain."""
    return _UNSAFE.sub(_escape, str(text))


def visible_lines(text: str, most: int) -> list[str]:
    """The first `most` lines of a text, each `visible`, without blank lines around them; further lines are counted."""
    lines = text.strip("\n").split("\n") if text.strip("\n") else []
    hidden = len(lines) - most
    more = [f"… and {hidden} more line{'' if hidden == 1 else 's'}"] if hidden > 0 else []
    return [visible(line) for line in lines[:most]] + more


def printable(text: object) -> str:
    """Text to print, from the start of a line: as `visible_text`, and no line is a command to a CI runner."""
    return _ANYWHERE.sub(r"\\x23", _AT_LINE_START.sub(r"\1\\x3a", visible_text(text)))


def printable_json(text: str) -> str:
    """JSON to print: the same characters become JSON escapes, so the document is equal. They occur in strings only."""
    return _ANYWHERE.sub(r"\\u0023", _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
