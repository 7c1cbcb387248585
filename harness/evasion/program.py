"""A Python program as a shell command. `#{python}` is an interpreter with the clients' packages."""

from __future__ import annotations

from harness.evasion.shell_words import quote


def in_argument(program: str, *arguments: str) -> str:
    """The program after `-c`; `arguments` are shell words."""
    return " ".join(['"#{python}"', "-c", quote(program), *arguments])


def from_stdin(program: str, *arguments: str) -> str:
    """The program on standard input, so that no command line holds it; `arguments` are shell words."""
    return " ".join(['"#{python}"', "-", *arguments, "<<'END'"]) + f"\n{program}\nEND"
