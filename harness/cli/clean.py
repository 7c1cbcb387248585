"""`livefire clean`: undo what was left behind."""

from __future__ import annotations

import typer
from rich.console import Console

from harness.capture import makers as makers  # so that each kind of thing can be undone
from harness.capture.scratch import sweep
from harness.capture.state import exclusive, owned_folders, state_root
from harness.cli.options import DryRun
from harness.errors import LabUnavailable


def clean(dry_run: DryRun = False) -> None:
    """Undo everything that Livefire has made and not undone, a kept lab too. Safe after kill -9."""
    console = Console(highlight=False, soft_wrap=True)
    if dry_run:
        for owned in reversed(owned_folders()):
            for line in owned.ledger.describe():
                console.print(f"would undo {line}", markup=False)
        return
    problems: list[str] = []
    with exclusive():
        found = list(reversed(owned_folders()))
        for owned in found:
            remains = owned.undo()
            problems += remains
            console.print(f"{owned.id}: {'undone' if not remains else 'not all undone'}", markup=False)
        swept = sweep(state_root())
        for name in swept:
            console.print(f"{name}: removed", markup=False)
    if problems:
        raise LabUnavailable("left behind: " + "; ".join(problems))
    if not found and not swept:
        console.print("nothing to undo")
    raise typer.Exit
