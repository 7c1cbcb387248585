"""The same container described by a Compose file, given to `docker-compose` or to Docker's plugin."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.evasion.configuration import Configuration, configuration
from harness.evasion.meaning import ContainerCreation, Meaning, Way

_CLIENTS = {"standalone": "docker-compose", "plugin": "docker compose"}


def ways(meaning: Meaning) -> Iterator[Way]:
    """`up` for `run`, `up --no-start` for `create`; the file comes from standard input, or lies in the home folder."""
    found = configuration(meaning) if isinstance(meaning, ContainerCreation) else None
    if not isinstance(meaning, ContainerCreation) or found is None:
        return
    attached = meaning.verb == "run" and not meaning.has("detach")
    up = "up" if attached else "up --detach" if meaning.verb == "run" else "up --no-start"
    remove = found.remove and attached
    file = f"<<'END'\n{_compose_file(found)}\nEND"
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


def _compose_file(found: Configuration) -> str:
    """A file of format 2.4 in JSON, which is YAML. Compose expands `$`, so that is doubled."""
    service = {
        "image": found.image,
        "command": found.command,
        "privileged": found.privileged,
        "network_mode": found.network or "bridge",  # without it Compose makes a network
        "pid": found.pid,
        "ipc": found.ipc,
        "cap_add": found.cap_add,
        "volumes": [str(bind) for bind in found.binds],
    }
    kept = {key: value for key, value in service.items() if value}
    return json.dumps({"version": "2.4", "services": {"task": kept}}, indent=1).replace("$", "$$")
