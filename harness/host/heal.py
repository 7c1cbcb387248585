"""After a crash the next capture undoes what dead runs have left, in its own state folder and in others.

What a living process has made, and a kept lab, is left alone.
"""

from __future__ import annotations

from pathlib import Path

from harness import interrupts
from harness.events import LabStep, Subscriber
from harness.host.notes import noted
from harness.host.owned_folders import OwnedFolder, owned_folders, state_root
from harness.host.scratch import is_scratch, sweep


def heal(subscriber: Subscriber) -> None:
    """Undo what was left, and emit an event for it. The caller holds the locks, so no other capture runs.

    What can't be undone is an event, too, and does not stop the capture: its sensors notice what harms them.
    """
    for owned in left_behind():
        interrupts.check()  # there may be many
        remains = owned.undo()
        if not remains:
            subscriber(LabStep("healed", "ready", f"undone: {owned.id}, of a Livefire that was killed"))
        for problem in remains:
            subscriber(LabStep("healed", "failed", f"left behind by {owned.id}, which was killed: {problem}"))
    for name in sweep(state_root()):
        subscriber(LabStep("healed", "ready", f"removed: {name}, of a Livefire that was killed"))


def left_behind() -> list[OwnedFolder]:
    """What dead processes made and neither undid nor kept, in this state folder and in others."""
    notes = {name: note for name, note in noted().items() if not is_scratch(Path(note.path))}
    alive = {Path(note.path) for note in notes.values() if not note.is_dead()}
    own = {owned.path: owned for owned in reversed(owned_folders())}
    elsewhere = [OwnedFolder(Path(note.path)) for note in notes.values() if Path(note.path) not in own]
    return [owned for owned in (*own.values(), *elsewhere) if owned.path not in alive and not owned.kept]
