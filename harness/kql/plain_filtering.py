"""Finds the rows for which a predicate holds in plain KQL: the query holds the rows as a `datatable`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from harness.kql.engine import NOTHING, Engine, QueryFailed, Row

_OUTPUT, _NUMBER = "LivefireRows", "LivefireNumber"
_LONGEST = 40_000  # characters of rows in one query, since parsing is slow
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_UNQUOTABLE = re.compile(r"['\\\x00-\x1f]")  # what would end a name in brackets, or escape its end
_ALL = re.compile(r"\*|pack_all|\$")  # these may refer to columns without naming them


class PlainFiltering:
    """Filtering over any engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def passing(
        self, rows: Sequence[Row], predicate: str, *, slice_: str = NOTHING, lets: str = "", of: str = ""
    ) -> list[Row]:
        """As in Filtering."""
        text = f"{lets}\n{predicate}"
        names = [name for name in (rows[0] if rows else ()) if _ALL.search(text) or _is_named(name, text)]
        for name in names:
            if _UNQUOTABLE.search(name):
                raise QueryFailed(f"the output has a column {name!r}, which no KQL can name")
        types = {name: _type([row[name] for row in rows]) for name in names}
        header = ", ".join([f"{_NUMBER}:long", *(f"['{name}']:{type_}" for name, type_ in types.items())])
        numbers: set[int] = set()
        for literals in _parts(rows, types):
            kql = f"{lets}let {_OUTPUT} = datatable({header}) [\n{literals}\n];\n"
            kql += f"{_OUTPUT}\n| where {predicate}\n| project {_NUMBER}"
            numbers.update(row[_NUMBER] for row in self._engine.run(kql, slice_).rows)
        return [row for number, row in enumerate(rows) if number in numbers]


def _is_named(name: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def _parts(rows: Sequence[Row], types: dict[str, str]) -> Iterator[str]:
    """The rows as literals, each with its number, in parts that keep a query short enough."""
    lines: list[str] = []
    for number, row in enumerate(rows):
        lines.append(", ".join([str(number), *(_literal(row[name], type_) for name, type_ in types.items())]))
        if sum(map(len, lines)) > _LONGEST or number == len(rows) - 1:
            yield ",\n".join(lines)
            lines = []


def _type(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    for kind, type_ in ((bool, "bool"), (int, "long"), (datetime, "datetime")):
        if kinds == {kind}:
            return type_
    if kinds and kinds <= {dict, list}:
        return "dynamic"
    return "real" if kinds and kinds <= {int, float} else "string"


def _literal(value: Any, type_: str) -> str:
    if type_ == "string":
        return _quoted("" if value is None else value if isinstance(value, str) else json.dumps(value, default=str))
    if value is None:
        return f"{type_}(null)"
    if type_ == "datetime":
        return f"datetime({value.isoformat()})"
    return f"{type_}({json.dumps(value)})"


def _quoted(text: str) -> str:
    """A string literal with as few escapes as possible: all engines read these alike."""
    return '"' + text.translate(_ESCAPES) + '"'
