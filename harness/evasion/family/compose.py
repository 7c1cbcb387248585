"""The same container described by a Compose file, given to `docker-compose` or to Docker's plugin."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.evasion.configuration import Configuration, configuration
from harness.evasion.meaning import ContainerCreation, Meaning, Way

_CLIENTS = {"standalone": "docker-compose", "plugin": "docker compose"}


def ways(meaning: Meaning) -> Iterator[Way]:
    """`up` for `run`, `up --no-start` for `create`; the file is standard input, or in the home folder."""
    container = configuration(meaning) if isinstance(meaning, ContainerCreation) else None
    if not isinstance(meaning, ContainerCreation) or container is None:
        return
    attached = meaning.verb == "run" and not meaning.has("detach")
    up = "up" if attached else "up --detach" if meaning.verb == "run" else "up --no-start"
    remove = container.remove and attached
    file = f"<<'END'\n{_compose_file(container)}\nEND"
    for name, client in _CLIENTS.items():
        project = f"{client} --project-name web --file"
        yield f"{name}-stdin", f"{project} - {up} {file}" + (f"\n{project} - rm --force {file}" if remove else "")
        stored = f'{project} "$HOME/compose.yaml"'
        yield (
            f"{name}-file",
            f'cat >"$HOME/compose.yaml" {file}\n{stored} {up}' + (f"\n{stored} rm --force" if remove else ""),
        )
        if attached:
            yield f"{name}-run", f"{project} - run {'--rm ' if remove else ''}-T task {file}"


def _compose_file(container: Configuration) -> str:
    """A Compose file of format 2.4 in JSON, which is valid YAML. Compose expands `$`, so each is doubled."""
    service = {
        "image": container.image,
        "command": container.command,
        "privileged": container.privileged,
        "network_mode": container.network or "bridge",  # without it Compose makes a network
        "pid": container.pid,
        "ipc": container.ipc,
        "cap_add": container.cap_add,
        "volumes": [str(bind) for bind in container.binds],
    }
    kept = {key: value for key, value in service.items() if value}
    return json.dumps({"version": "2.4", "services": {"task": kept}}, indent=1).replace("$", "$$")
