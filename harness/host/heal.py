"""After a crash the next capture undoes what dead runs have left: those of its own state folder, and of others.

What a living process has made, and a lab that was kept, is left alone.
"""

from __future__ import annotations

from pathlib import Path

from harness import interrupts
from harness.events import LabStep, Subscriber
from harness.host.notes import noted
from harness.host.owned_folders import OwnedFolder, owned_folders, state_root
from harness.host.scratch import is_scratch, sweep


def heal(subscriber: Subscriber) -> None:
    """Undo what was left, and tell of it. To be called by whoever holds the locks: no other capture goes on.

    What can't be undone is told and does not keep the next capture from going on: its sensors find out what harms them.
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
    """What was made, and neither undone nor kept, by processes that are dead: of this state folder, and of others."""
    notes = {name: note for name, note in noted().items() if not is_scratch(Path(note.path))}
    alive = {Path(note.path) for note in notes.values() if not note.is_dead()}
    own = {each.path: each for each in reversed(owned_folders())}
    others = [OwnedFolder(Path(note.path)) for note in notes.values() if Path(note.path) not in own]
    return [each for each in (*own.values(), *others) if each.path not in alive and not each.kept]
