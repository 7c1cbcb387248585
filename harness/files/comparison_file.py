"""The file of a comparison of two results, which `livefire diff --json` writes."""

from __future__ import annotations

import json
from pathlib import Path

from harness.files.documents import read_document, write_json_document
from harness.model.comparison import SCHEMA, Comparison


def read_comparison(path: Path) -> Comparison:
    """The comparison in a file that `write_comparison` wrote. Raises InvalidInput."""
    return read_document(path, Comparison, SCHEMA, hint="`livefire diff OLD NEW --json F` writes one.")


def write_comparison(comparison: Comparison, target: str) -> None:
    """Write it to a file, or to standard output for `-`. Raises InvalidInput for a file that can't be written."""
    document = comparison.model_dump(mode="json", by_alias=True)
    write_json_document(json.dumps(document, indent=1, ensure_ascii=False), target)
