"""The file of a rule's mutants, which `livefire mutate --json` writes."""

from __future__ import annotations

import json
from pathlib import Path

from harness.files.documents import read_document, write_json_document
from harness.model.mutants import SCHEMA, Mutants


def read_mutants(path: Path) -> Mutants:
    """The mutants in a file that `write_mutants` wrote. Raises InvalidInput."""
    return read_document(path, Mutants, SCHEMA, hint="`livefire mutate RULE RECORDING --json F` writes one.")


def write_mutants(mutants: Mutants, target: str) -> None:
    """Write them to a file, or to standard output for `-`. Raises InvalidInput for a file that can't be written."""
    write_json_document(json.dumps(mutants.model_dump(mode="json", by_alias=True), indent=1), target)
