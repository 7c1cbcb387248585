"""pytest's terminal, made safe: pytest itself prints names of folders and files."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.text import printable, visible

_OWN = re.compile("(^\r|\x1b\\[[0-9;]*m)")  # what pytest itself writes: a line's restart, and colours


def guard_terminal(config: pytest.Config) -> None:
    """Let only printable text and pytest's colours through to its terminal."""
    if not config.pluginmanager.has_plugin("terminalreporter"):
        return
    terminal: Any = config.get_terminal_writer()
    write = terminal.write

    def guarded(text: str, **options: Any) -> None:
        pieces = _OWN.split(text)  # at odd places, what pytest itself writes
        write("".join(piece if number % 2 else printable(piece) for number, piece in enumerate(pieces)), **options)

    terminal.write = guarded


def shorten(text: str, config: pytest.Config) -> str:
    """A text that is safe to print; paths below the folder of pytest's start become relative, as pytest shows them."""
    return printable(text.replace(f"{config.invocation_params.dir}/", ""))


def say(config: pytest.Config, text: str) -> None:
    """Print a message on a line of its own; nothing with `-q`."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter and config.get_verbosity() >= 0:
        reporter.ensure_newline()
        reporter.write_line(f"livefire: {visible(text)}")
        reporter.flush()
