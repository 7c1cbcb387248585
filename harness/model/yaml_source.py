"""YAML whose values remember where they stand, so that each mistake can be shown at its place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, BinaryIO, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from harness.errors import InvalidFiles, InvalidInput, LivefireError, Position

Path_ = tuple[str | int, ...]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml: ten times as fast
_NAMED = 12
_MOST_BYTES = 16 << 20
_BESIDE_TEXT = 100_000  # values that aliases may make beside those that are written out
_DEEPEST = 100
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_LONGEST_NUMBER = 1000
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class YamlSource:
    """A parsed YAML document. `positions` maps the path of each value to its (line, column), from 1."""

    path: Path
    data: Any
    positions: dict[Path_, tuple[int, int]] = field(repr=False)

    def at(self, where: Path_) -> Position:
        """The position of the value at `where`, or of the closest thing around it that exists."""
        while where and where not in self.positions:
            where = where[:-1]
        line, column = self.positions.get(where, (1, 1))
        return Position(self.path, line, column)

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
        name = ".".join(str(part) for part in where) or "document"
        if error["type"] == "model_type":
            hint = f"Known here: {', '.join(sorted(_keys(model, tuple(error['loc']))))}."
            return InvalidInput(f"{name} must be a mapping", at=self.at(where), hint=hint)
        if error["type"] == "too_short":
            return InvalidInput(f"{name}: it must not be empty", at=self.at(where))
        message = error["msg"].removeprefix("Value error, ")
        return InvalidInput(f"{name}: {message[0].lower()}{message[1:]}", at=self.at(where))

    def _misspelt(self, model: type[BaseModel], error: Any) -> str:
        """A hint at the unknown key that is closest to one that is missing."""
        *above, missing = error["loc"]
        present = [str(key) for key in error["input"]] if isinstance(error["input"], dict) else []
        unknown = [key for key in present if key not in _keys(model, tuple(above))]
        close = get_close_matches(str(missing), unknown, n=1)
        return f"Is it '{close[0]}'?" if close else ""


def unknown_keys(source: YamlSource, model: type[BaseModel], cutoff: float = 0.0) -> list[LivefireError]:
    """A mistake for each key that `model` ignores; with a `cutoff`, only for one that is so much like a known one."""
    return list(_unknown(source, source.data, model, (), cutoff))


def _unknown(source: YamlSource, data: Any, shape: Any, where: Path_, cutoff: float) -> Iterator[LivefireError]:
    """`shape` is what stands in an annotation: a model, or a list or dict of them, or None besides."""
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
        for part in inner:
            yield from _unknown(source, data, part, where, cutoff)


def did_you_mean(word: str, known: list[str]) -> str:
    """A hint that names the closest known word, else all of them, or the first few of many."""
    close = get_close_matches(word, known, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    more = f", … and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return f"Known here: {', '.join(known[:_NAMED])}{more}."


def load_yaml(path: Path) -> YamlSource:
    """Read one YAML document. Raises InvalidInput with the position where it can't be read."""
    return parse_yaml(read_text(path), path)


def require_readable(path: Path) -> None:
    """Raise InvalidInput for a file that can't be opened, or is no regular one."""
    try:
        with _opened(path):
            pass
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", at=Position(path)) from None


def _opened(path: Path) -> BinaryIO:
    """The file, not waiting for whoever writes into a FIFO. Raises OSError, and InvalidInput for a special file."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # a device is told before anything is read from it
        return file
    file.close()
    raise InvalidInput("is no regular file", at=Position(path))


def read_text(path: Path) -> str:
    """The text of a file. Raises InvalidInput for one that can't be read, a special one (unopened), or a huge one."""
    try:
        with _opened(path) as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise InvalidInput(f"has more than {_MOST_BYTES >> 20} MiB", at=Position(path))
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InvalidInput(f"cannot be read: {reason}", at=Position(path)) from None


def parse_yaml(text: str, path: Path) -> YamlSource:
    """As `load_yaml`, for a text that has been read; `path` is used in messages."""
    try:
        loader = _LOADER(text)
        node, positions, data = loader.get_single_node(), dict[Path_, tuple[int, int]](), None
        if node is not None:
            _collect(node, (), positions, path, _Budget(path, _BESIDE_TEXT + len(text)))
            data = _construct(loader, node, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise InvalidInput(f"not valid YAML: {error.problem}", at=Position(path, line, column)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"not valid YAML: {str(error).splitlines()[0]}", at=Position(path)) from None
    return YamlSource(path, data, positions)


def _construct(loader: Any, node: yaml.Node, path: Path) -> Any:
    """The values of a document. Raises InvalidInput at the value that is not what its tag says: `!!int ""`."""
    try:
        return loader.construct_document(node)
    except (yaml.YAMLError, RecursionError):
        raise
    except Exception:  # what PyYAML's constructors meet: ValueError, IndexError, OverflowError, AttributeError, …
        raise InvalidInput("not valid YAML: a value is not what its tag says", at=_unfit(node, path)) from None


def _unfit(node: yaml.Node, path: Path) -> Position:
    """The place of the first scalar below `node` that can't be made by itself; else of `node`."""
    for each in _scalars(node):
        try:
            _LOADER("").construct_object(each)
        except Exception:
            return Position(path, each.start_mark.line + 1, each.start_mark.column + 1)
    return Position(path, node.start_mark.line + 1, node.start_mark.column + 1)


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    for each in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in each if isinstance(each, tuple) else (each,):
            yield from _scalars(part)


class _Budget:
    """How many values a document may have: aliases can make 442 bytes into billions."""

    def __init__(self, path: Path, values: int) -> None:
        self._path, self._left = path, values

    def spend(self, node: yaml.Node, depth: int) -> None:
        """Count a value. Raises InvalidInput for one too many, or one that lies too deep."""
        self._left -= 1
        at = Position(self._path, node.start_mark.line + 1, node.start_mark.column + 1)
        if self._left < 0:
            raise InvalidInput("too many values: aliases (*name) repeat too much", at=at, hint="Write it out.")
        number = node.tag in _NUMBERS and isinstance(node, yaml.ScalarNode)
        if number and len(node.value) > _LONGEST_NUMBER:  # 1:1:1:… is one to the base of 60
            hint = "Put it in quotes, if it is a text."
            raise InvalidInput(f"a number of {len(node.value)} characters", at=at, hint=hint)
        if depth > _DEEPEST:
            raise InvalidInput(f"values lie more than {_DEEPEST} deep in each other", at=at)


def _collect(
    node: yaml.Node, where: Path_, positions: dict[Path_, tuple[int, int]], path: Path, budget: _Budget
) -> None:
    budget.spend(node, len(where))
    positions.setdefault(where, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            here = (*where, str(key.value))
            mark = key.start_mark
            if here in seen:  # YAML forbids it, PyYAML keeps the last one silently
                raise InvalidInput(f"key '{key.value}' twice", at=Position(path, mark.line + 1, mark.column + 1))
            seen.add(here)
            positions[here] = (mark.line + 1, mark.column + 1)
            _collect(value, here, positions, path, budget)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _collect(item, (*where, index), positions, path, budget)


def _keys(model: type[BaseModel], where: Path_) -> set[str]:
    """The keys that are allowed at `where` below `model`."""
    current: Any = model
    for part in where:
        if isinstance(part, int):
            continue
        found = next((f for n, f in current.model_fields.items() if part in (n, f.alias)), None)
        inner = _models(found.annotation) if found else []
        if not inner:
            return set()
        current = inner[0]
    return {f.alias or name for name, f in current.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _models(part)]
