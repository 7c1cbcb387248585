"""`livefire clean`: undo what was left behind."""

from __future__ import annotations

import contextlib

import typer

from harness.capture import makers as makers  # so that each kind of thing can be undone
from harness.cli.live_requests import Clean
from harness.errors import LabUnavailable
from harness.host.owned_folders import exclusive, owned_folders, sole_capture, state_root
from harness.host.scratch import sweep
from harness.report.terminal import Terminal


def clean(request: Clean) -> None:
    """`livefire clean`. Raises LabUnavailable where something can't be undone."""
    console = Terminal(soft_wrap=True)
    if request.dry_run:
        for owned in reversed(owned_folders()):
            for line in owned.ledger.describe():
                console.print(f"would undo {line}")
        return
    problems: list[str] = []
    doubtful: list[str] = []
    with contextlib.ExitStack() as locks:
        locks.enter_context(exclusive())
        folders = list(reversed(owned_folders()))  # the newest first: each restores the state that it changed
        if folders:
            locks.enter_context(sole_capture())  # or the audit rules of a run in progress would be removed
        for owned in folders:
            remains = owned.undo()
            problems += [f"{owned.id}: {problem}" for problem in remains]
            doubtful += [str(owned.path)] * bool(remains)
            console.print(f"{owned.id}: {'undone' if not remains else 'partly undone'}")
        swept = sweep(state_root())
        for name in swept:
            console.print(f"{name}: removed")
    if problems:
        hint = f"Fix it and run this again. If nothing of it is there any more, remove {', '.join(doubtful)} yourself."
        raise LabUnavailable("left behind, or not known to be undone:", hint=hint, more=problems)
    if not folders and not swept:
        console.print("nothing to undo")
    raise typer.Exit
