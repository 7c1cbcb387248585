"""pytest's terminal, while expectations are judged: names of folders and files are printed by pytest itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.text import printable, visible

_OWN = re.compile("(^\r|\x1b\\[[0-9;]*m)")  # a line that is begun anew, and colours: pytest's own


def guard_terminal(config: pytest.Config) -> None:
    """Let nothing through to pytest's terminal but printable text, and its colours."""
    if not config.pluginmanager.has_plugin("terminalreporter"):
        return
    terminal: Any = config.get_terminal_writer()
    write = terminal.write

    def guarded(text: str, **options: Any) -> None:
        parts = _OWN.split(text)  # text and what is pytest's own take turns
        write("".join(part if number % 2 else printable(part) for number, part in enumerate(parts)), **options)

    terminal.write = guarded


def shorten(text: str, config: pytest.Config) -> str:
    """A text as it may be printed; paths below the folder in which pytest was started as pytest shows them."""
    return printable(text.replace(f"{config.invocation_params.dir}/", ""))


def say(config: pytest.Config, text: str) -> None:
    """A line of Livefire's, on a line of its own; nothing with `-q`."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter and config.get_verbosity() >= 0:
        reporter.ensure_newline()
        reporter.write_line(f"livefire: {visible(text)}")
        reporter.flush()
