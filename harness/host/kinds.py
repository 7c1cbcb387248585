"""The kinds of things that a ledger names. The module that makes a kind registers how to undo it, and how to find it.

So the ledger imports none of these modules, and they may import the ledger. `makers` imports them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError, validate_call

from harness.errors import LivefireError

What = dict[str, Any]
Undoer = Callable[..., None]


@dataclass(frozen=True)
class Whose:
    """The owner of a ledger: the id of a run or a lab, such as `run-3f9a1c`, and the folder of the ledger."""

    id: str
    folder: Path

    def holds(self, path: str) -> bool:
        """Whether a path is the folder or lies in it. Links are followed, except in the last component."""
        place = Path(path)
        if not place.is_absolute() or ".." in place.parts:
            return False
        return (place.parent.resolve() / place.name).is_relative_to(self.folder.parent.resolve() / self.folder.name)


Finder = Callable[[Whose], list[What]]
UndoerT = TypeVar("UndoerT", bound=Undoer)
FinderT = TypeVar("FinderT", bound=Finder)
_UNDOERS: dict[str, Undoer] = {}
_FINDERS: dict[str, Finder] = {}
# what holds a thing open is undone before that thing
_ORDER = ("audit_rules", "daemon", "podman", "cgroup", "bridge", "containerd_state", "mounts")


class Foreign(LivefireError):
    """An entry of a ledger names something that can't be ours. It is left alone."""


def undoes(kind: str) -> Callable[[UndoerT], UndoerT]:
    """Register `function(whose, **what)`, which undoes one thing and succeeds when the thing is already gone.

    It raises Foreign, before it does anything, for what can't be ours. Values of undeclared types never reach it.
    """

    def register(function: UndoerT) -> UndoerT:
        _UNDOERS[kind] = validate_call(config=ConfigDict(strict=True))(function)
        return function

    return register


def finds(kind: str) -> Callable[[FinderT], FinderT]:
    """Register `function(whose)`: the things of this kind with the owner's name, as their undoer takes them.

    Raises ValueError for a kind that has no place in the order in which things are undone.
    """

    if kind not in _ORDER:
        raise ValueError(f"when is a {kind} undone, beside the others that can be found? Say so in _ORDER")

    def register(function: FinderT) -> FinderT:
        _FINDERS[kind] = function
        return function

    return register


def is_known(kind: str) -> bool:
    """Whether a function is registered that undoes this kind."""
    return kind in _UNDOERS


def known() -> frozenset[str]:
    """All kinds that can be undone."""
    return frozenset(_UNDOERS)


def undo(kind: str, whose: Whose, what: What) -> None:
    """Undo one thing. Raises Foreign for an unknown kind or a thing that can't be ours, or what the undoer raises."""
    undoer = _UNDOERS.get(kind)
    if undoer is None:
        raise Foreign(f"nothing here can undo a {kind!r}")
    try:
        undoer(whose, **what)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise Foreign(f"not what a {kind} is written down with: {faults}") from None


def findable() -> list[str]:
    """The kinds that can be found without a ledger, in the order in which they are undone."""
    return sorted(_FINDERS, key=_ORDER.index)


def find(kind: str, whose: Whose) -> list[What]:
    """The things of this kind that carry the owner's name."""
    return _FINDERS[kind](whose)
