"""A command. What it may be asked is loaded for its help, and what does it when it is done: loading takes time."""

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
    """A line on a command, and two places below harness.cli: the class of its request, and what is called with that.

    The fields of a request are the options of the command, and its docstring is the help.
    """

    told: str
    request: str
    done_by: str

    def load(self, name: str) -> Any:
        """The command that Typer knows by this name."""
        request = _at(self.request)

        def ask(**given: Any) -> None:
            self.carry_out(request(**given))

        hints = get_type_hints(request, include_extras=True)
        options = [_parameter(field, hints[field.name]) for field in _ordered(request)]
        ask.__doc__ = request.__doc__
        ask.__annotations__ = hints
        ask.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, short_help=self.told)(ask)
        return typer.main.get_command(alone)

    def carry_out(self, request: Any) -> None:
        """Do what was asked."""
        _at(self.done_by)(request)


@dataclass(frozen=True)
class LiveCommand(Command):
    """One that needs the clients of Docker and Kubernetes."""

    def carry_out(self, request: Any) -> None:
        """Do what was asked. Raises LabUnavailable where the clients are not installed."""
        require_clients()
        super().carry_out(request)


@dataclass(frozen=True)
class Group:
    """A line on a command that has commands of its own."""

    told: str
    commands: Mapping[str, Command]


def _at(place: str) -> Any:
    """What is at `module.name` below harness.cli."""
    module, _, name = place.partition(".")
    return getattr(import_module(f"harness.cli.{module}"), name)


def _ordered(request: type[Any]) -> list[Field[Any]]:
    """Its own options as they stand there, then those that it shares, in the order of all requests."""
    order: tuple[str, ...] = getattr(request, "order", ())
    own = [field for field in fields(request) if field.name not in order]
    shared = [field for field in fields(request) if field.name in order]
    return own + sorted(shared, key=lambda field: order.index(field.name))


def _parameter(field: Field[Any], hint: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
