"""The commands of `livefire`, and of `livefire lab`, as Typer asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from harness.cli.command import Command, Group
from harness.cli.command_table import COMMANDS, LAB
from harness.errors import Interrupted, InvalidInput


class Commands(TyperGroup):
    """The commands of `livefire`."""

    table: ClassVar[Mapping[str, Command | Group]] = COMMANDS

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As that of the group. An empty argument is refused: as a path it would be the folder that one is in."""
        for before, argument in pairwise(["", *args]):
            if not argument or (argument.startswith("--") and argument.endswith("=")):
                where = f" after {before}" if before else ""
                raise InvalidInput(
                    f"an empty argument: {argument}" if argument else f"an empty argument{where}",
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
        """Their names."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; None where there is none."""
        entry = self.table.get(cmd_name)
        if isinstance(entry, Group):
            return typer.main.get_group(_lab)
        return entry.load(cmd_name) if entry else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Each with its line, from the table: no command is loaded for the help of all."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.told) for name, entry in self.table.items()])


class LabCommands(Commands):
    """The commands of `livefire lab`."""

    table: ClassVar[Mapping[str, Command | Group]] = LAB


_lab = typer.Typer(cls=LabCommands, help=COMMANDS["lab"].told, no_args_is_help=True, rich_markup_mode=None)
