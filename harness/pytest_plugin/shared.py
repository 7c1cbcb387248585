"""What the workers of one session share: outcomes as JSON in a folder, each made by one of them.

A lock is the kernel's (flock(2)), so it is free again when its holder dies, and the next one does the work.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from harness.model.result import Result


class Outcome(BaseModel):
    """What judging came to: results, or why there are none."""

    model_config = ConfigDict(frozen=True)

    results: list[Result] = Field(default_factory=list)
    error: str = ""


class Shared:
    """The folder of a session. Names are those of what is made, once each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> Outcome | None:
        """The outcome of that name; None where it has not been made yet."""
        with contextlib.suppress(FileNotFoundError):
            return Outcome.model_validate_json((self.folder / f"{name}.json").read_bytes())
        return None

    def has(self, name: str) -> bool:
        """Whether there is an outcome of that name."""
        return (self.folder / f"{name}.json").exists()

    def write(self, name: str, outcome: Outcome) -> None:
        """Put an outcome there, at once and as a whole."""
        scratch = self.folder / f"{name}.{os.getpid()}"
        scratch.write_text(outcome.model_dump_json(by_alias=True), encoding="utf-8")
        scratch.rename(self.folder / f"{name}.json")

    def once(self, name: str, make: Callable[[], Outcome], *, wait: bool) -> Outcome | None:
        """The outcome of that name, made here unless it is there. None where another is at it and `wait` is false."""
        with self._locked(name, wait) as mine:
            if not mine:
                return None
            found = self.read(name)
            if found is None:
                found = make()
                self.write(name, found)
            return found

    @contextlib.contextmanager
    def _locked(self, name: str, wait: bool) -> Iterator[bool]:
        with (self.folder / f"{name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
