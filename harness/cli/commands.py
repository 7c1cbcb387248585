"""The commands, each loaded when it is asked for: whoever takes a lab down need not wait for the engine to load."""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise
from typing import Any

import typer
from typer.core import TyperGroup

from harness.errors import Interrupted, InvalidInput

# Where each is, `module.function` below harness.cli, and a line on it; empty where its own first line will do.
_COMMANDS = {
    "run": ("run_command.run", "Detonate atomics in a lab, and prove the rule."),
    "evade": ("run_command.evade", "Do an attack in every other way that is known."),
    "capture": ("run_command.capture", ""),
    "prove": ("prove_command.prove", "The second half: judge recordings."),
    "mutate": ("mutate_command.mutate", "Which parts of a rule does no test need?"),
    "schedule": ("schedule_command.schedule", "When would Microsoft Sentinel alert, and how often?"),
    "diff": ("diff_command.diff", "What changed between two results, and why."),
    "history": ("history_command.history", "Nights side by side, and the trend of the latency."),
    "report": ("report_command.report", "One HTML page from results, mutants, a history."),
    "lab": ("lab_command.app", ""),
    "list": ("list_command.list_atomics", ""),
    "lint": ("list_command.lint", ""),
    "doctor": ("doctor_command.doctor", ""),
    "clean": ("clean_command.clean", "Undo everything that was made and not undone."),
}


class Commands(TyperGroup):
    """The commands of `livefire`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As that of the group. An empty argument is refused: as a path it would be the folder that one is in."""
        for before, each in pairwise(["", *args]):
            if not each or (each.startswith("--") and each.endswith("=")):
                where = f" after {before}" if before else ""
                raise InvalidInput(
                    f"an empty argument: {each}" if each else f"an empty argument{where}",
                    hint="Is a variable of the shell not set?",
                )
        return list(super().parse_args(ctx, args))

    def invoke(self, ctx: Any) -> Any:
        """Run what was asked for. Raises Interrupted: at a KeyboardInterrupt Typer ends the process without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            raise Interrupted(str(interrupt) or "SIGINT") from None

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order in which they are needed."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; None where there is none."""
        if cmd_name not in _COMMANDS:
            return None
        place, told = _COMMANDS[cmd_name]
        module, _, name = place.partition(".")
        found = getattr(import_module(f"harness.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name, short_help=told or None)(found)
        return typer.main.get_command(alone)
