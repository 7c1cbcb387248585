"""The result as JSON, `livefire.result/1`; its JSON Schema is shipped beside this file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import InvalidInput, Position
from harness.model.forward import foreign, validate
from harness.model.result import Result
from harness.report.document import write_document

SCHEMA = "livefire.result/1"
SCHEMA_FILE = Path(__file__).with_name("result.schema.json")


def to_json(results: Sequence[Result]) -> str:
    """One result as an object; several as an array."""
    documents = [result.model_dump(mode="json", by_alias=True) for result in results]
    return json.dumps(documents[0] if len(documents) == 1 else documents, indent=1, ensure_ascii=False)


def write_json(results: Sequence[Result], target: str) -> None:
    """Write to a file, or to standard output when `target` is `-`."""
    write_document(to_json(results) + "\n", target)


def read_results(path: Path) -> list[Result]:
    """The result, or the array of them, in a file that `write_json` wrote. Raises InvalidInput."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", at=Position(path)) from None
    except json.JSONDecodeError as error:
        raise InvalidInput(f"not valid JSON: {error.msg}", at=Position(path, error.lineno, error.colno)) from None
    except UnicodeDecodeError:
        raise InvalidInput("cannot be read: not UTF-8", at=Position(path)) from None
    except (ValueError, RecursionError) as error:  # a number of ten thousand digits, brackets without end
        raise InvalidInput(f"not valid JSON: {error}", at=Position(path)) from None
    documents = data if isinstance(data, list) else [data]
    if not documents:
        raise InvalidInput("it holds no result", at=Position(path))
    return [_result(document, path) for document in documents]


def _result(document: object, path: Path) -> Result:
    why, hint = foreign(document, SCHEMA)
    if why:
        raise InvalidInput(why, at=Position(path), hint=hint or "`--json F` writes one.")
    try:
        return validate(Result, document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"not a {SCHEMA}: {where}: {first['msg']}", at=Position(path)) from None


def schema() -> dict[str, Any]:
    """The JSON Schema, generated from the models."""
    return Result.model_json_schema(by_alias=True, mode="serialization")


def write_schema() -> None:
    """Write the schema to where it is shipped."""
    SCHEMA_FILE.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
