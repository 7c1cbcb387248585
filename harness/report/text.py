"""Text from telemetry, made safe to show: a command line may hold anything, terminal escapes too."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


def visible(text: object) -> str:
    """One line of text, control characters and direction marks written as escapes."""
    flat = str(text).replace("\n", "\\n").replace("\t", "\\t")
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", flat)


def legal_xml(text: object) -> str:
    """Text without the characters that XML 1.0 forbids (section 2.2, Char)."""
    return "".join(
        c if c in "\t\n\r" or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD or ord(c) > 0xFFFF else "\ufffd"
        for c in str(text)
    )
