"""Shell words: a simple command split into words, each exactly as written."""

from __future__ import annotations

import re
from collections.abc import Iterable

PLACEHOLDER = r"#\{[^}'\"\s]+\}"
_PLAIN = r"[\w@%+=:,./^!-]"
# In double quotes: no command substitution, and only plain names are expanded.
_DOUBLE = rf'"(?:{PLACEHOLDER}|\\[\s\S]|\$\w+|\$\{{\w+\}}|[^"\\`$])*"'
# No expansion outside of quotes: it may become any number of words.
_PIECE = re.compile(rf"{PLACEHOLDER}|'[^']*'|{_DOUBLE}|\\[^\n]|{_PLAIN}+", re.ASCII)
_WORD = re.compile(rf"(?:{_PIECE.pattern})+", re.ASCII)
_BLANK = re.compile(r"(?:[ \t]|\\\n)+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=", re.ASCII)
_EXPANSION = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)
_SAFE = re.compile(rf"(?:{PLACEHOLDER}|[\w@%+=:,./-])+", re.ASCII)


def split(command: str) -> list[str] | None:
    """The words of a simple command, with their quotes and expansions.

    None for anything else: a list, a pipe, a redirection, a substitution, a pattern, an assignment, an unquoted
    expansion.
    """
    words: list[str] = []
    at = 0
    while True:
        if blank := _BLANK.match(command, at):
            at = blank.end()
        if at == len(command):
            return words if words and not _ASSIGNMENT.match(words[0]) else None
        word = _WORD.match(command, at)
        if word is None or (word.end() < len(command) and not _BLANK.match(command, word.end())):
            return None
        words.append(word[0])
        at = word.end()


def literal(word: str) -> str | None:
    """The text that the shell makes of a word; None where only the running shell knows. Placeholders are kept."""
    text = ""
    for piece in (match[0] for match in _PIECE.finditer(word)):
        if piece.startswith("#{"):
            text += piece
        elif piece.startswith("'"):
            text += piece[1:-1]
        elif piece.startswith("\\"):
            text += piece[1:]
        elif piece.startswith('"'):
            if "$" in re.sub(r"\\[\s\S]", "", piece):
                return None
            text += re.sub(r'\\(["\\$`])', r"\1", piece[1:-1].replace("\\\n", ""))
        else:
            text += piece
    return text


def literals(words: Iterable[str]) -> list[str] | None:
    """The texts that the shell makes of words; None where only the running shell knows one."""
    texts = [literal(word) for word in words]
    return None if None in texts else [text for text in texts if text is not None]


def quote(text: str) -> str:
    """A shell word for `text`. Placeholders are replaced before the shell sees them."""
    return text if _SAFE.fullmatch(text) else "'" + text.replace("'", "'\\''") + "'"


def variables(text: str) -> list[str] | None:
    """The shell variables that a text expands, in order; None where one is positional."""
    names = list(dict.fromkeys(plain or braced for plain, braced in _EXPANSION.findall(re.sub(r"'[^']*'", "", text))))
    return None if any(name[0].isdigit() for name in names) else names
