"""What a request to the Docker daemon is about to make, read from its path and its body before it is passed on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.lab.docker.image_names import names_given
from harness.lab.docker.links import is_there
from harness.sensors.docker.daemon_answers import place_of

# The body is read before the request is passed on: it names volumes, folders and links.
ASKS_BY_BODY = ("/containers/create", "/networks/create", "/volumes/create")
_JOINS = re.compile("/networks/[^/]+/(connect|disconnect)")  # the body names a container
# The answer holds an id, and is passed on only after the id is in the ledger.
_TELLS = (*ASKS_BY_BODY, "/commit")
MAKES_IMAGES = ("/build", "/commit", "/images/load", "/images/create")


@dataclass(frozen=True)
class Asked:
    """A request that makes something: its path and body, and the names and ids of the images that exist before it."""

    place: str
    body: dict[str, Any] = field(default_factory=dict)
    there: frozenset[str] = frozenset()

    @property
    def is_held_back(self) -> bool:
        """Whether its answer is passed on only when it is complete."""
        return self.place in _TELLS

    @property
    def is_listened_to(self) -> bool:
        """Whether its answer is a stream that names what was made."""
        return self.place in MAKES_IMAGES


def reads_body(method: str, path: str) -> bool:
    """Whether the body of a request is read before the request is passed on."""
    place = place_of(path)
    return method == "POST" and (place in ASKS_BY_BODY or bool(_JOINS.fullmatch(place)))


def makes(method: str, path: str) -> bool:
    """Whether a request makes something that can be undone."""
    place = place_of(path)
    known = place in (*_TELLS, *MAKES_IMAGES, "/swarm/init", "/swarm/join")
    return method == "POST" and (known or bool(names_given(method, path, place)))


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; empty where there is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def sources(host: object) -> Iterator[tuple[bool, str]]:
    """What a container mounts, from its HostConfig: (whether it is a volume, its name or the path on this machine)."""
    host = host if isinstance(host, dict) else {}
    binds, mounts = (
        entries if isinstance(entries, list) else [] for entries in (host.get("Binds"), host.get("Mounts"))
    )
    for bind in binds:
        named, colon, _ = bind.partition(":") if isinstance(bind, str) else ("", "", "")
        if named and colon:
            yield not named.startswith("/"), named
    for mount in mounts:
        if isinstance(mount, dict) and isinstance(source := mount.get("Source"), str) and source:
            options = mount.get("BindOptions")
            if mount.get("Type") == "volume":
                yield True, source
            elif mount.get("Type") == "bind" and isinstance(options, dict) and options.get("CreateMountpoint"):
                yield False, source


def missing(path: str) -> list[str]:
    """The folders that are missing on the way to a path, and the path itself, from the top; none if it exists."""
    place = Path(os.path.normpath(path))
    return [str(folder) for folder in (*reversed(place.parents), place) if not os.path.lexists(folder)]


def links(body: dict[str, Any]) -> list[str]:
    """The links whose names a network's options give, and that do not exist yet."""
    options = body.get("Options")
    named = (
        [options.get(key) for key in ("com.docker.network.bridge.name", "parent")] if isinstance(options, dict) else []
    )
    return [name for name in named if isinstance(name, str) and name and not is_there(name)]
