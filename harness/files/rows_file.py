"""Rows of tables as JSON and as CSV. Times are UTC in ISO 8601, dynamic values are JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from harness.files.documents import print_json, write_document


def print_rows_json(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write an array of objects to standard output. `columns` has the KQL type of each column."""
    print_json([{name: _json(value, columns.get(name, "")) for name, value in row.items()} for row in rows])


def print_rows_csv(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write CSV with a line of names to standard output, as RFC 4180 has it but for the ends of lines."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([shown(row.get(name)) for name in columns] for row in rows)
    write_document(text.getvalue(), "-")


def shown(value: object) -> str:
    """A value as text; a missing one is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def _json(value: object, kind: str) -> object:
    if kind == "dynamic" and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return shown(value) if isinstance(value, datetime | timedelta) else value
