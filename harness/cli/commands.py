"""The commands of `livefire`, and of `livefire lab`, as Typer loads them."""

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
        """Parse as TyperGroup does. An empty argument is refused: as a path it would be the current folder."""
        for before, argument in pairwise(["", *args]):
            if not argument or (argument.startswith("--") and argument.endswith("=")):
                where = f" after {before}" if before else ""
                raise InvalidInput(
                    f"an empty argument: {argument}" if argument else f"an empty argument{where}",
                    hint="Is a variable of the shell not set?",
                )
        return list(super().parse_args(ctx, args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises Interrupted at a KeyboardInterrupt, at which Typer would end without a message."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            raise Interrupted(str(interrupt) or "SIGINT") from None

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; None where there is none."""
        entry = self.table.get(cmd_name)
        if isinstance(entry, Group):
            return typer.main.get_group(_lab)
        return entry.load(cmd_name) if entry else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands from the table, so that this help loads none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.table.items()])


class LabCommands(Commands):
    """The commands of `livefire lab`."""

    table: ClassVar[Mapping[str, Command | Group]] = LAB


_lab = typer.Typer(cls=LabCommands, help=COMMANDS["lab"].summary, no_args_is_help=True, rich_markup_mode=None)
