"""A command, loaded in two steps, since loading takes time: its request for its help, its function when it runs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from importlib import import_module
from typing import Any, get_type_hints

import typer

from harness.lab.clients import require_clients


@dataclass(frozen=True)
class Command:
    """A command: one line of help, and two places below harness.cli, the class of its request and the function to call.

    The fields of a request are the options of the command, and its docstring is the help.
    """

    summary: str
    request: str
    function: str

    def load(self, name: str) -> Any:
        """The command under this name, as Typer needs it."""
        request = _at(self.request)

        def call(**values: Any) -> None:
            self.carry_out(request(**values))

        hints = get_type_hints(request, include_extras=True)
        options = [_parameter(field, hints[field.name]) for field in _ordered(request)]
        call.__doc__ = request.__doc__
        call.__annotations__ = hints
        call.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name, short_help=self.summary)(call)
        return typer.main.get_command(app)

    def carry_out(self, request: Any) -> None:
        """Run the command."""
        _at(self.function)(request)


@dataclass(frozen=True)
class LiveCommand(Command):
    """A command that needs the clients of Docker and Kubernetes."""

    def carry_out(self, request: Any) -> None:
        """Run the command. Raises LabUnavailable where the clients are not installed."""
        require_clients()
        super().carry_out(request)


@dataclass(frozen=True)
class Group:
    """A command that has commands of its own, with one line of help."""

    summary: str
    commands: Mapping[str, Command]


def _at(place: str) -> Any:
    """What is at `module.name` below harness.cli."""
    module, _, name = place.partition(".")
    return getattr(import_module(f"harness.cli.{module}"), name)


def _ordered(request: type[Any]) -> list[Field[Any]]:
    """The request's own options in the order of its fields, then the shared ones in the order that all requests use."""
    order: tuple[str, ...] = getattr(request, "order", ())
    own = [field for field in fields(request) if field.name not in order]
    shared = [field for field in fields(request) if field.name in order]
    return own + sorted(shared, key=lambda field: order.index(field.name))


def _parameter(field: Field[Any], hint: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
