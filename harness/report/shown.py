"""A result, a comparison or a history made safe to print: each text in it becomes one visible line."""

from __future__ import annotations

import dataclasses
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from harness.text import visible, visible_text

T = TypeVar("T")
# These texts keep their lines, which the code that prints them splits. It also quotes the values of columns.
_SEVERAL_LINES = ("command", "query", "before", "after")
_QUOTED = "values"


def shown(value: T) -> T:
    """A copy that is safe to print. All that is printed of a model goes through here, so that no field is forgotten."""
    return _shown(value)  # type: ignore[no-any-return]


def _shown(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return visible(value)
    if isinstance(value, Path):
        return Path(visible(value))
    if isinstance(value, dict):
        return {_shown(key): _shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) and not hasattr(value, "_fields"):
        return type(value)(_shown(item) for item in value)
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: _field(name, item) for name, item in value})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.init]
        return dataclasses.replace(value, **{name: _field(name, getattr(value, name)) for name in names})
    return value


def _field(name: str, value: Any) -> Any:
    if name == _QUOTED and isinstance(value, dict):
        return {_shown(key): item for key, item in value.items()}
    return visible_text(value) if name in _SEVERAL_LINES and isinstance(value, str) else _shown(value)
