"""The command line in this process, with a standard output and error of its own, as `livefire` sets them up."""

from __future__ import annotations

import io
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from harness.cli import main

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]"
)


def said(*arguments: object, call: Callable[[], int] = main._run) -> tuple[int, str]:
    """The exit code, and both streams. Raises UnicodeDecodeError for what is no UTF-8.

    `call` is done in place of the command that the arguments name.
    """
    with tempfile.TemporaryFile() as file:
        stream = io.TextIOWrapper(file, encoding="utf-8")
        own: dict[str, Any] = dict.fromkeys(("stdout", "stderr", "__stdout__", "__stderr__"), stream)
        with mock.patch.multiple(sys, argv=["livefire", *map(str, arguments)], **own):
            code = call()
            sys.stdout.flush()
            sys.stderr.flush()
        file.seek(0)
        return code, file.read().decode("utf-8")


def acts(text: str) -> list[str]:
    """The lines of a text that a terminal or CI would not just show."""
    return [
        line
        for line in text.split("\n")
        if UNSAFE.search(line) or line.lstrip().startswith("::") or re.search(r"##[a-z]*\[", line)
    ]


def read(path: Path) -> str:
    """A file with its line ends as they are."""
    return path.read_bytes().decode("utf-8")
