"""The daemon's API by the Docker SDK for Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harness.evasion import program
from harness.evasion.configuration import Configuration, configuration
from harness.evasion.meaning import ContainerCreation, ContainerExec, Meaning, Way
from harness.evasion.shell_words import literals

_LOW_LEVEL = """import docker, json
client = docker.from_env().api
made = client.create_container_from_config(json.loads({body}))["Id"]"""
_START = """
client.start(made)"""
_WAIT = """
try:
    client.wait(made, condition="{condition}")
except docker.errors.NotFound:
    pass"""


def ways(meaning: Meaning) -> Iterator[Way]:
    """For containers with a fully known configuration, and for commands in a container without options."""
    if isinstance(meaning, ContainerCreation):
        container = configuration(meaning)
        if container:
            high = f"import docker\ndocker.from_env().containers.{meaning.verb}({_arguments(meaning, container)})"
            yield "containers", program.in_argument(high)
            yield "containers-stdin", program.from_stdin(high)
            yield "low-level", program.in_argument(_low_level(meaning, container))
    elif isinstance(meaning, ContainerExec) and not meaning.options:
        command = literals(meaning.command)
        if command:
            attack = "import docker, sys\ndocker.from_env().containers.get(sys.argv[1])"
            attack += f".exec_run({json.dumps(command)})"
            yield "containers", program.in_argument(attack, meaning.container)
            yield "containers-stdin", program.from_stdin(attack, meaning.container)


def _arguments(creation: ContainerCreation, container: Configuration) -> str:
    """The arguments of `containers.run` or `containers.create`, as Python."""
    run = creation.verb == "run"
    given: dict[str, Any] = {
        "privileged": container.privileged,
        "network_mode": container.network,
        "pid_mode": container.pid,
        "ipc_mode": container.ipc,
        "cap_add": container.cap_add,
        # the SDK would read `/:` as a Windows drive, and the remainder as a volume
        "volumes": [str(replace(bind, source="/.") if bind.source == "/" else bind) for bind in container.binds],
        "remove" if run else "auto_remove": container.remove,
        "detach": run and creation.has("detach"),
    }
    named = [f"{name}={'True' if value is True else json.dumps(value)}" for name, value in given.items() if value]
    return ", ".join([json.dumps(container.image), json.dumps(container.command), *named])


def _low_level(creation: ContainerCreation, container: Configuration) -> str:
    text = _LOW_LEVEL.format(body=json.dumps(json.dumps(container.body())))
    if creation.verb == "run":
        text += _START
        if not creation.has("detach"):
            text += _WAIT.format(condition="removed" if container.remove else "not-running")
    return text
