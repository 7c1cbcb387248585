"""Reading a YAML file, which may hold anything: each value gets its position."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from harness.errors import InvalidInput, Position
from harness.model.source import Path_, YamlSource

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml: ten times as fast
_MOST_BYTES = 16 << 20
_BESIDE_TEXT = 100_000  # values that aliases may add to the written ones
_DEEPEST = 100
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_LONGEST_NUMBER = 1000


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
    """The opened file, without waiting for a FIFO's writer. Raises OSError, InvalidInput for a special file."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # checked before anything is read from a device
        return file
    file.close()
    raise InvalidInput("is no regular file", at=Position(path))


def read_text(path: Path) -> str:
    """The text of a file. Raises InvalidInput for one that can't be read, is special, or has more than 16 MiB."""
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
    """As `load_yaml`, for a text; `path` is used in messages."""
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
    return YamlSource(path, data, positions, text)


def _construct(loader: Any, node: yaml.Node, path: Path) -> Any:
    """The values of a document. Raises InvalidInput at a value that does not fit its tag, such as `!!int ""`."""
    try:
        return loader.construct_document(node)
    except (yaml.YAMLError, RecursionError):
        raise
    except Exception:  # what PyYAML's constructors raise: ValueError, IndexError, OverflowError, AttributeError, …
        raise InvalidInput("not valid YAML: a value is not what its tag says", at=_unfit(node, path)) from None


def _unfit(node: yaml.Node, path: Path) -> Position:
    """The position of the first scalar below `node` that can't be constructed by itself; else of `node`."""
    for scalar in _scalars(node):
        try:
            _LOADER("").construct_object(scalar)
        except Exception:
            return Position(path, scalar.start_mark.line + 1, scalar.start_mark.column + 1)
    return Position(path, node.start_mark.line + 1, node.start_mark.column + 1)


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    for entry in node.value if isinstance(node, yaml.CollectionNode) else ():
        for member in entry if isinstance(entry, tuple) else (entry,):
            yield from _scalars(member)


class _Budget:
    """How many values a document may have: aliases can expand 442 bytes to billions of values."""

    def __init__(self, path: Path, values: int) -> None:
        self._path, self._left = path, values

    def spend(self, node: yaml.Node, depth: int) -> None:
        """Count a value. Raises InvalidInput where there are too many, or one is nested too deep."""
        self._left -= 1
        at = Position(self._path, node.start_mark.line + 1, node.start_mark.column + 1)
        if self._left < 0:
            raise InvalidInput("too many values: aliases (*name) repeat too much", at=at, hint="Write the values out.")
        number = node.tag in _NUMBERS and isinstance(node, yaml.ScalarNode)
        if number and len(node.value) > _LONGEST_NUMBER:  # 1:1:1:… is a number to the base of 60
            hint = "Put it in quotes if it is a text."
            raise InvalidInput(f"a number of {len(node.value)} characters", at=at, hint=hint)
        if depth > _DEEPEST:
            raise InvalidInput(f"values are nested more than {_DEEPEST} deep", at=at)


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
            if here in seen:  # YAML forbids it, but PyYAML silently keeps the last one
                raise InvalidInput(f"key '{key.value}' twice", at=Position(path, mark.line + 1, mark.column + 1))
            seen.add(here)
            positions[here] = (mark.line + 1, mark.column + 1)
            _collect(value, here, positions, path, budget)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _collect(item, (*where, index), positions, path, budget)
