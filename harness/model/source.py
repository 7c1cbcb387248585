"""A YAML document whose values keep their positions, and how it becomes a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from harness.errors import InvalidFiles, InvalidInput, LivefireError, Position

Path_ = tuple[str | int, ...]
_BLOCK = re.compile(r":\s*[|>][-+0-9]*\s*(#.*)?$")
_NAMED = 12
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class YamlSource:
    """A parsed YAML document. `positions` maps the path of each value to its (line, column), from 1."""

    path: Path
    data: Any
    positions: dict[Path_, tuple[int, int]] = field(repr=False)
    text: str = field(repr=False)

    def at(self, where: Path_) -> Position:
        """The position of the value at `where`, or of the closest existing value around it."""
        while where and where not in self.positions:
            where = where[:-1]
        line, column = self.positions.get(where, (1, 1))
        return Position(self.path, line, column)

    def in_block(self, where: Path_, line: int, column: int) -> Position:
        """The position of (line, column), from 1, in the block scalar (`key: |`) at `where`.

        For a scalar written in another way it is the position of the scalar, since its lines are not known.
        """
        start, lines = self.at(where), self.text.splitlines()
        first = lines[start.line] if start.line < len(lines) else ""
        indent = len(first) - len(first.lstrip())
        if not _BLOCK.search(lines[start.line - 1]):
            return start
        return Position(self.path, start.line + line, indent + column)

    def parse(self, model: type[ModelT], data: Any = None, base: Path_ = ()) -> ModelT:
        """Build `model` from this document (or from `data`, which stands at `base`).

        Raises InvalidFiles with one positioned problem for each mistake.
        """
        try:
            return model.model_validate(self.data if data is None else data)
        except ValidationError as error:
            raise InvalidFiles([self._problem(model, base, e) for e in error.errors()]) from None

    def _problem(self, model: type[BaseModel], base: Path_, error: Any) -> LivefireError:
        where: Path_ = base + tuple(error["loc"])
        if error["type"] == "extra_forbidden":
            known = sorted(_keys(model, tuple(error["loc"][:-1])))
            return InvalidInput(
                f"unknown key '{where[-1]}'", at=self.at(where), hint=did_you_mean(str(where[-1]), known)
            )
        if error["type"] == "missing":
            return InvalidInput(f"missing key '{where[-1]}'", at=self.at(where[:-1]), hint=self._misspelt(model, error))
        name = ".".join(str(key) for key in where) or "document"
        if error["type"] == "model_type":
            hint = f"Known here: {', '.join(sorted(_keys(model, tuple(error['loc']))))}."
            return InvalidInput(f"{name} must be a mapping", at=self.at(where), hint=hint)
        if error["type"] == "too_short":
            return InvalidInput(f"{name}: it must not be empty", at=self.at(where))
        message = error["msg"].removeprefix("Value error, ")
        return InvalidInput(f"{name}: {message[0].lower()}{message[1:]}", at=self.at(where))

    def _misspelt(self, model: type[BaseModel], error: Any) -> str:
        """A hint that names the unknown key closest to the missing one."""
        *above, missing = error["loc"]
        present = [str(key) for key in error["input"]] if isinstance(error["input"], dict) else []
        unknown = [key for key in present if key not in _keys(model, tuple(above))]
        close = get_close_matches(str(missing), unknown, n=1)
        return f"Is it '{close[0]}'?" if close else ""


def unknown_keys(source: YamlSource, model: type[BaseModel], cutoff: float = 0.0) -> list[LivefireError]:
    """A mistake for each key that `model` ignores. `cutoff`, 0 to 1: only for keys this similar to a known one."""
    return list(_unknown(source, source.data, model, (), cutoff))


def _unknown(source: YamlSource, data: Any, shape: Any, where: Path_, cutoff: float) -> Iterator[LivefireError]:
    """`shape` is a type annotation: a model, a list or dict of models, or a union with None."""
    inner = get_args(shape)
    if isinstance(shape, type) and issubclass(shape, BaseModel) and isinstance(data, dict):
        known = {field.alias or name: field.annotation for name, field in shape.model_fields.items()}
        for key, value in data.items():
            here = (*where, str(key))
            if key in known:
                yield from _unknown(source, value, known[key], here, cutoff)
            elif not cutoff or get_close_matches(str(key), known, cutoff=cutoff):
                hint = did_you_mean(str(key), sorted(known))
                yield InvalidInput(f"unknown key '{key}'", at=source.at(here), hint=hint)
    elif get_origin(shape) is dict and isinstance(data, dict):
        for key, value in data.items():
            yield from _unknown(source, value, inner[1], (*where, str(key)), cutoff)
    elif get_origin(shape) is list and isinstance(data, list):
        for index, value in enumerate(data):
            yield from _unknown(source, value, inner[0], (*where, index), cutoff)
    elif get_origin(shape) is UnionType:
        for member in inner:
            yield from _unknown(source, data, member, where, cutoff)


def did_you_mean(word: str, known: list[str]) -> str:
    """A hint that names the closest known word; else all known words, or the first few of many."""
    close = get_close_matches(word, known, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    more = f", … and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return f"Known here: {', '.join(known[:_NAMED])}{more}."


def _keys(model: type[BaseModel], where: Path_) -> set[str]:
    """The keys allowed at `where` below `model`."""
    current: Any = model
    for key in where:
        if isinstance(key, int):
            continue
        known = next((f for n, f in current.model_fields.items() if key in (n, f.alias)), None)
        inner = _models(known.annotation) if known else []
        if not inner:
            return set()
        current = inner[0]
    return {f.alias or name for name, f in current.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in getattr(annotation, "__args__", ()) for model in _models(argument)]
