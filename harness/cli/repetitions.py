"""How often to capture and where to record: once into one folder, or many times into folders below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import session
from harness.errors import InvalidInput, Position
from harness.events import Subscriber
from harness.model.atomic import Atomic
from harness.recording import Recording


@dataclass(frozen=True)
class Repetitions:
    """`root` is the recording itself where `count` is 1, else it holds one for each repetition: `root/1`, …"""

    root: Path | None
    count: int

    def capture(
        self,
        atomics: Sequence[Atomic],
        options: session.CaptureOptions,
        subscriber: Subscriber,
        taken: Callable[[Recording], None],
    ) -> None:
        """Capture `count` times, and pass each recording to `taken` once sealed. Raises as session.capture does."""
        root = self.root or session.default_folder()
        if self.count == 1:
            taken(session.capture(atomics, options, root, subscriber))
            return
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise InvalidInput("there is something here already", at=Position(root), hint="Name a new folder.")
        folders = [root / str(number) for number in range(1, self.count + 1)]
        session.repeat(atomics, options, folders, subscriber, taken)
