"""An engine's earlier answers about queries, kept in a file, so that after a change only changed rules are analysed."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeGuard, TypeVar

from harness.kql.engine import Engine
from harness.kql.workspace import Workspace
from harness.telemetry import schema

_T = TypeVar("_T")
_MOST = 4000  # answers kept at most
_CLOCK = re.compile(r"\b(now|ago)\b", re.IGNORECASE)


class Remembered(Workspace):
    """A workspace without rows that remembers its answers about each query.

    Only answers are kept: a query that fails is tried again each time. A query with a clock may yield rows over empty
    tables at another time, so it is tried each time, unless it works row by row.
    """

    def __init__(self, engine: Engine, file: Path | None) -> None:
        """Nothing is remembered where `file` is missing, damaged, or of another engine; nor without one."""
        super().__init__(engine)
        self._file, self._maker = file, _maker(engine)
        self._before = _read(file, self._maker) if file else {}
        self._used: dict[str, object] = {}

    def columns(self, kql: str) -> dict[str, str]:
        """As in Planning."""
        return dict(self._answer("columns", kql, _is_columns, super().columns))

    def tables(self, kql: str) -> set[str]:
        """As in Planning."""
        return set(self._answer("tables", kql, _is_tables, lambda kql: sorted(super(Remembered, self).tables(kql))))

    def row_by_row(self, kql: str) -> bool:
        """As in Planning."""
        return self._answer("row by row", kql, _is_bool, super().row_by_row)

    def speaks_of_nothing(self, kql: str) -> bool:
        """As in Planning."""
        if _CLOCK.search(kql):
            return not self.row_by_row(kql) and super().speaks_of_nothing(kql)
        return self._answer("speaks of nothing", kql, _is_bool, super().speaks_of_nothing)

    def keep(self) -> None:
        """Write the answers to the file. Where it can't be written, they are computed again next time."""
        if self._file is None or self._used.keys() <= self._before.keys():
            return
        answers = dict(list((self._used | self._before).items())[:_MOST])
        with suppress(OSError):
            for folder in (self._file.parent.parent, self._file.parent):  # not the home of a user who has none
                folder.mkdir(mode=0o700, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._file.parent, prefix=f"{self._file.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump({"maker": self._maker, "answers": answers}, file)
                Path(name).replace(self._file)
            finally:
                Path(name).unlink(missing_ok=True)

    def _answer(self, question: str, kql: str, fits: Callable[[object], TypeGuard[_T]], ask: Callable[[str], _T]) -> _T:
        key = f"{question} {sha256(kql.encode('utf-8', 'surrogatepass')).hexdigest()}"
        known = self._used.get(key, self._before.get(key))
        answer = known if fits(known) else ask(kql)
        self._used[key] = answer
        return answer


def _maker(engine: Engine) -> str:
    """A digest of what answers depend on beside the query: the engine, its versions, and the code of this package."""
    digest = sha256(engine.facts.model_dump_json().encode())
    for path in sorted([*Path(__file__).parent.rglob("*.py"), Path(schema.__file__)]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(file: Path, maker: str) -> dict[str, object]:
    try:
        with file.open("rb") as opened:
            owner = os.fstat(opened.fileno())
            if owner.st_uid != os.geteuid() or owner.st_mode & 0o022:  # somebody else may have written it
                return {}
            document = json.loads(opened.read())
        answers = document["answers"] if document["maker"] == maker else {}
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return {}
    return answers if isinstance(answers, dict) else {}


def _is_columns(value: object) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and all(isinstance(kind, str) for kind in value.values())


def _is_tables(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_bool(value: object) -> TypeGuard[bool]:
    return isinstance(value, bool)
