"""Where a document goes: to a file, or to standard output for `-`."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.errors import InvalidInput, Position


def write_document(text: str, target: str | Path) -> None:
    """Write the text as it is. Raises InvalidInput for a file that can't be written."""
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot be written: {error.strerror}", at=Position(Path(target))) from None
