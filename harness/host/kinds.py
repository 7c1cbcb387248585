"""The kinds of things that a ledger names. Whoever makes a kind registers how it is undone, and how it is found.

So a ledger knows nothing of those who make things, and they may know of ledgers. `makers` imports them all.
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
    """Whose ledger it is: a run's or a lab's id, such as `run-3f9a1c`, and the folder in which the ledger lies."""

    id: str
    folder: Path

    def holds(self, path: str) -> bool:
        """Whether a path is the folder or lies in it, links followed, but for that of the last component."""
        place = Path(path)
        if not place.is_absolute() or ".." in place.parts:
            return False
        return (place.parent.resolve() / place.name).is_relative_to(self.folder.parent.resolve() / self.folder.name)


Finder = Callable[[Whose], list[What]]
UndoerT = TypeVar("UndoerT", bound=Undoer)
FinderT = TypeVar("FinderT", bound=Finder)
_UNDOERS: dict[str, Undoer] = {}
_FINDERS: dict[str, Finder] = {}
# who holds something open goes before it
_ORDER = ("audit_rules", "daemon", "podman", "cgroup", "bridge", "containerd_state", "mounts")


class Foreign(LivefireError):
    """An entry of a ledger names what can't be ours. It is left alone."""


def undoes(kind: str) -> Callable[[UndoerT], UndoerT]:
    """Register `function(whose, **what)`. It succeeds when the thing is already gone, and raises Foreign, before it

    does anything, for what can't be ours. Values of other types than it declares never reach it.
    """

    def register(function: UndoerT) -> UndoerT:
        _UNDOERS[kind] = validate_call(config=ConfigDict(strict=True))(function)
        return function

    return register


def finds(kind: str) -> Callable[[FinderT], FinderT]:
    """Register `function(whose)`: the things of this kind that carry the owner's name, as its undoer wants them."""

    def register(function: FinderT) -> FinderT:
        _FINDERS[kind] = function
        return function

    return register


def is_known(kind: str) -> bool:
    """Whether something registered can undo it."""
    return kind in _UNDOERS


def known() -> frozenset[str]:
    """All kinds that have been registered."""
    return frozenset(_UNDOERS)


def undo(kind: str, whose: Whose, what: What) -> None:
    """Undo one thing. Raises Foreign for what nothing here may undo, else whatever the undoer raises."""
    undoer = _UNDOERS.get(kind)
    if undoer is None:
        raise Foreign(f"nothing here can undo a {kind!r}")
    try:
        undoer(whose, **what)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise Foreign(f"not what a {kind} is written down with: {faults}") from None


def findable() -> list[str]:
    """The kinds of which an owner's can be found without a ledger, in the order in which they are to be undone."""
    return sorted(_FINDERS, key=_ORDER.index)


def find(kind: str, whose: Whose) -> list[What]:
    """What there is of this kind that carries the owner's name."""
    return _FINDERS[kind](whose)
