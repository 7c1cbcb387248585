"""Writing documents to a file or standard output (`-`), and reading JSON documents of Livefire again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import InvalidInput, Position
from harness.files.document_versions import foreign, validate
from harness.files.yaml_reading import read_text
from harness.text import printable, printable_json

Model = TypeVar("Model", bound=BaseModel)


def write_document(text: str, target: str | Path, safe: Callable[[str], str] = printable) -> None:
    """Write a text, made safe to show in a terminal, a log or a page.

    Raises InvalidInput for a file that can't be written.
    """
    if target == "-":
        sys.stdout.write(safe(text))
        return
    try:
        Path(target).write_text(safe(text), encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidInput(f"cannot be written: {error.strerror}", at=Position(Path(target))) from None


def write_json_document(text: str, target: str | Path) -> None:
    """As `write_document`, for JSON: escaping keeps its values. Raises InvalidInput."""
    write_document(text + "\n", target, printable_json)


def print_json(document: object) -> None:
    """Write one JSON document to standard output."""
    write_json_document(json.dumps(document, indent=1, default=str), "-")


def read_documents(path: Path) -> list[object]:
    """The JSON in a file: the elements of an array, or else the one document. Raises InvalidInput."""
    try:
        data = json.loads(read_text(path))
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", at=Position(path)) from None
    except json.JSONDecodeError as error:
        raise InvalidInput(f"not valid JSON: {error.msg}", at=Position(path, error.lineno, error.colno)) from None
    except UnicodeDecodeError:
        raise InvalidInput("cannot be read: not UTF-8", at=Position(path)) from None
    except (ValueError, RecursionError) as error:  # a number of ten thousand digits, endless brackets
        raise InvalidInput(f"not valid JSON: {error}", at=Position(path)) from None
    return data if isinstance(data, list) else [data]


def read_document(path: Path, model: type[Model], schema: str, *, hint: str) -> Model:
    """The one document of this schema in a file, as `parse_document` returns it. Raises InvalidInput."""
    documents = read_documents(path)
    if len(documents) != 1:
        raise InvalidInput(f"it holds {len(documents)} documents instead of one", at=Position(path))
    return parse_document(documents[0], model, schema, path, hint=hint)


def parse_document(document: object, model: type[Model], schema: str, path: Path, *, hint: str) -> Model:
    """A document as its model. Raises InvalidInput for another schema, and for a document that breaks its schema.

    `hint` names the command that writes one.
    """
    why, cure = foreign(document, schema)
    if why:
        raise InvalidInput(why, at=Position(path), hint=cure or hint)
    try:
        return validate(model, document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(key) for key in first["loc"])
        raise InvalidInput(f"not a {schema}: {where}: {first['msg']}", at=Position(path)) from None
