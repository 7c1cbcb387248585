"""What the workers of one session share: outcomes as JSON in a folder, each written by one worker.

Locks are the kernel's (flock(2)): when the holder dies, the lock is free, and another worker does the work.
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
    """The outcome of judging: results, or the error."""

    model_config = ConfigDict(frozen=True)

    results: list[Result] = Field(default_factory=list)
    error: str = ""


class Shared:
    """The folder of a session, with one outcome for each name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> Outcome | None:
        """The outcome of that name; None where there is none yet."""
        with contextlib.suppress(FileNotFoundError):
            return Outcome.model_validate_json((self.folder / f"{name}.json").read_bytes())
        return None

    def has(self, name: str) -> bool:
        """Whether there is an outcome of that name."""
        return (self.folder / f"{name}.json").exists()

    def write(self, name: str, outcome: Outcome) -> None:
        """Write an outcome atomically."""
        scratch = self.folder / f"{name}.{os.getpid()}"
        scratch.write_text(outcome.model_dump_json(by_alias=True), encoding="utf-8")
        scratch.rename(self.folder / f"{name}.json")

    def once(self, name: str, make: Callable[[], Outcome], *, wait: bool) -> Outcome | None:
        """The outcome of that name, made if it is missing. None while another worker makes it and `wait` is false."""
        with self._locked(name, wait) as mine:
            if not mine:
                return None
            outcome = self.read(name)
            if outcome is None:
                outcome = make()
                self.write(name, outcome)
            return outcome

    @contextlib.contextmanager
    def _locked(self, name: str, wait: bool) -> Iterator[bool]:
        with (self.folder / f"{name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
