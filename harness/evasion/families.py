"""The families of evasions: each module in the folder `family` is one."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.evasion import family as folder
from harness.evasion.meaning import Meaning, Way


@dataclass(frozen=True)
class Family:
    """One kind of evasion. `ways` yields other ways to attack; nothing where there is nothing to change."""

    name: str
    description: str
    ways: Callable[[Meaning], Iterator[Way]]


@functools.cache
def families() -> tuple[Family, ...]:
    """All families, ordered by name. Each has the name of its module and the first line of its docstring."""
    known = []
    for info in sorted(pkgutil.iter_modules(folder.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{folder.__name__}.{info.name}")
        description = (module.__doc__ or "").strip().split("\n")[0]
        known.append(Family(info.name.replace("_", "-"), description, module.ways))
    return tuple(known)
