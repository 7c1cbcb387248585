"""Atomic tests, in the schema of Atomic Red Team: github.com/redcanaryco/atomic-red-team, atomic_red_team/spec.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.model.variant import Variant

PLACEHOLDER = re.compile(r"#\{([^}]+)\}")
_TECHNIQUE = r"^T\d{4}(\.\d{3})?$"
_GUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"


class _Schema(BaseModel):
    # Upstream adds and removes keys, and its files must load unchanged. `livefire lint` names unknown keys.
    model_config = ConfigDict(frozen=True, extra="ignore")


class InputArgument(_Schema):
    """An argument of an atomic, written as `#{name}` in its commands."""

    description: str = ""
    type: str = "string"
    default: str | int | float | bool | None = None


class Dependency(_Schema):
    """A prerequisite: `prereq_command` exits 0 when it is met."""

    description: str
    prereq_command: str
    get_prereq_command: str | None = None


class Executor(_Schema):
    """How the commands are run. `manual` executors have `steps` and no command."""

    name: Literal["bash", "sh", "command_prompt", "powershell", "manual"]
    command: str = ""
    cleanup_command: str | None = None
    elevation_required: bool = False
    steps: str | None = None

    @model_validator(mode="after")
    def _has_command(self) -> Executor:
        if self.name != "manual" and not self.command.strip():
            raise ValueError(f"a {self.name} executor needs a command")
        return self


class _AtomicTest(_Schema):
    name: str
    auto_generated_guid: str | None = Field(default=None, pattern=_GUID)
    description: str = ""
    supported_platforms: list[str]
    input_arguments: dict[str, InputArgument] = Field(default_factory=dict)
    dependency_executor_name: Literal["bash", "sh", "command_prompt", "powershell"] | None = None
    dependencies: list[Dependency] = Field(default_factory=list)
    executor: Executor


class AtomicFile(_Schema):
    """A file of atomics, all of one technique."""

    attack_technique: str = Field(pattern=_TECHNIQUE)
    display_name: str
    atomic_tests: list[_AtomicTest]


@dataclass(frozen=True)
class Atomic:
    """One adversary behaviour as commands. `id` is `TECHNIQUE/slug-of-its-name`, or the id of `variant`."""

    id: str
    technique: str
    test: _AtomicTest
    source: Path
    variant: Variant | None = None

    @property
    def guid(self) -> str:
        """The GUID of the test; empty where upstream has given none yet."""
        return self.test.auto_generated_guid or ""

    @property
    def name(self) -> str:
        """The title of the test."""
        return self.test.name

    @property
    def executor(self) -> Executor:
        """How its commands are run."""
        return self.test.executor

    def arguments(self, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """The value of each input argument: the given one, else the default."""
        values = {n: "" if a.default is None else str(a.default) for n, a in self.test.input_arguments.items()}
        return values | {name: value for name, value in (given or {}).items() if name in values}

    def as_variant(
        self,
        variant: Variant,
        command: str,
        arguments: Mapping[str, str] | None = None,
        prerequisites: Sequence[tuple[str, str]] = (),
    ) -> Atomic:
        """The same behaviour by another command.

        It may take further `arguments` (name to default) and need further `prerequisites` (description and command).
        """
        needed = [Dependency(description=words, prereq_command=check) for words, check in prerequisites]
        added = {name: InputArgument(default=default) for name, default in (arguments or {}).items()}
        test = self.test.model_copy(
            update={
                "name": f"{self.test.name} ({variant.key})",
                "auto_generated_guid": str(uuid5(NAMESPACE_URL, f"livefire:{variant.id}")),
                "input_arguments": self.test.input_arguments | added,
                "dependencies": [*self.test.dependencies, *needed],
                "executor": self.test.executor.model_copy(update={"command": command}),
            }
        )
        return replace(self, id=variant.id, test=test, variant=variant)

    def substitute(self, text: str, given: Mapping[str, str] | None = None) -> str:
        """`text` with each `#{argument}` replaced by its value."""
        values = self.arguments(given)
        return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def short_id(atomic: str) -> str:
    """The id of an atomic without its technique."""
    return atomic.partition("/")[2] or atomic


def slug(name: str) -> str:
    """The name in lower case, words joined by hyphens: `Docker Container Execution` → `docker-container-execution`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
