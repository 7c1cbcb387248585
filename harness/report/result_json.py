"""The result as JSON, `livefire.result/1`; its JSON Schema is shipped beside this file."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.model.result import Result

SCHEMA_FILE = Path(__file__).with_name("result.schema.json")


def to_json(results: Sequence[Result]) -> str:
    """One result as an object; several as an array."""
    documents = [result.model_dump(mode="json", by_alias=True) for result in results]
    return json.dumps(documents[0] if len(documents) == 1 else documents, indent=1, ensure_ascii=False)


def write_json(results: Sequence[Result], target: str) -> None:
    """Write to a file, or to standard output when `target` is `-`."""
    if target == "-":
        sys.stdout.write(to_json(results) + "\n")
    else:
        Path(target).write_text(to_json(results) + "\n", encoding="utf-8")


def schema() -> dict[str, Any]:
    """The JSON Schema, generated from the models."""
    return Result.model_json_schema(by_alias=True, mode="serialization")


def write_schema() -> None:
    """Write the schema to where it is shipped."""
    SCHEMA_FILE.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
