"""From a request to a command: its options, their order, and what is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Annotated, Any

import pytest
import typer

from harness.cli.command import Command, Group
from harness.cli.command_table import COMMANDS, LAB
from harness.cli.option_groups import OptionGroup, QueryLimits
from harness.errors import InvalidInput

EVERY = {name: entry for name, entry in (COMMANDS | LAB).items() if isinstance(entry, Command)}


def at(place: str) -> Any:
    module, _, name = place.partition(".")
    return getattr(import_module(f"harness.cli.{module}"), name)


@dataclass(frozen=True, kw_only=True)
class Ask(QueryLimits):
    """Ask for something."""

    name: Annotated[str, typer.Argument(help="Of what.")]
    matrix: Annotated[bool, typer.Option("--matrix")] = False
    often: Annotated[int, typer.Option("--often", min=1)] = 1


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Ask]:
    """What was asked of the command of `Ask`."""
    requests: list[Ask] = []
    places: dict[str, Any] = {"here.Ask": Ask, "here.answer": requests.append}
    monkeypatch.setattr("harness.cli.command._at", places.__getitem__)
    return requests


def invoke(*words: str) -> int:
    """The exit code."""
    with pytest.raises(SystemExit) as ended:
        Command("Ask.", "here.Ask", "here.answer").load("ask").main(list(words))
    return int(ended.value.code or 0)


def test_what_is_called_gets_the_request_with_defaults_where_nothing_is_said(asked: list[Ask]) -> None:
    assert invoke("x", "--query-timeout", "5s") == 0
    assert asked == [Ask(name="x", query_timeout="5s")]
    assert asked[0].limits.seconds == 5


def test_what_is_missing_or_out_of_its_bounds_calls_nothing(asked: list[Ask]) -> None:
    assert invoke() == invoke("x", "--often", "0") == 2
    assert asked == []


def test_own_options_stand_before_shared_ones_and_those_in_one_order(
    asked: list[Ask], capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke("--help") == 0
    said = capsys.readouterr().out
    assert "Ask for something." in said
    places = [said.index(option) for option in ("--often", "--matrix", "--query-timeout", "--query-memory")]
    assert places == sorted(places)


def test_limits_that_are_none_are_invalid_input() -> None:
    with pytest.raises(InvalidInput, match="--query-memory much"):
        _ = QueryLimits(query_memory="much").limits


@pytest.mark.parametrize("entry", EVERY.values(), ids=EVERY)
def test_each_command_has_its_request_and_what_takes_that(entry: Command) -> None:
    request, called = at(entry.request), at(entry.function)
    assert inspect.getdoc(request)
    (parameter,) = inspect.signature(called, eval_str=True).parameters.values()
    assert parameter.annotation is request


def test_each_shared_option_has_its_place_in_the_order() -> None:
    groups: list[Callable[..., Any]] = [*OptionGroup.__subclasses__(), *QueryLimits.__subclasses__()]
    shared = {field.name for group in groups if group.__module__ == OptionGroup.__module__ for field in fields(group)}  # type: ignore[arg-type]
    assert {"cluster", "json", "query_timeout"} <= shared
    assert shared <= set(OptionGroup.order)


def test_the_commands_of_the_lab_are_a_group() -> None:
    lab = COMMANDS["lab"]
    assert isinstance(lab, Group)
    assert lab.commands is LAB
