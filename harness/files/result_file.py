"""The result as JSON, `livefire.result/1`; its JSON Schema is shipped beside this file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import InvalidInput, Position
from harness.files.documents import parse_document, read_documents, write_json_document
from harness.model.result import SCHEMA, Result

SCHEMA_FILE = Path(__file__).with_name("result.schema.json")


def to_json(results: Sequence[Result]) -> str:
    """One result as a JSON object; several as an array."""
    documents = [result.model_dump(mode="json", by_alias=True) for result in results]
    return json.dumps(documents[0] if len(documents) == 1 else documents, indent=1, ensure_ascii=False)


def write_json(results: Sequence[Result], target: str) -> None:
    """Write results to a file, or to standard output for `-`. Raises InvalidInput for a file that can't be written."""
    write_json_document(to_json(results), target)


def read_results(path: Path) -> list[Result]:
    """The results in a file that `write_json` wrote. Raises InvalidInput."""
    documents = read_documents(path)
    if not documents:
        raise InvalidInput("it holds no result", at=Position(path))
    return [parse_document(document, Result, SCHEMA, path, hint="`--json F` writes one.") for document in documents]


def schema() -> dict[str, Any]:
    """The JSON Schema, generated from the models."""
    return Result.model_json_schema(by_alias=True, mode="serialization")
