"""The configuration of a container as the daemon's API takes it, for those ways that do without a command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from harness.evasion.meaning import ContainerCreation
from harness.evasion.shell_words import literal, literals

_KNOWN = {"rm", "detach", "privileged", "network", "pid", "ipc", "cap-add", "volume"}


@dataclass(frozen=True)
class Bind:
    """A folder of the host in a container. `mode` is empty, or what follows the second colon."""

    source: str
    target: str
    mode: str = ""

    def __str__(self) -> str:
        return ":".join(part for part in (self.source, self.target, self.mode) if part)


@dataclass(frozen=True)
class Configuration:
    """What a container is made of. `network`, `pid` and `ipc` are empty where the daemon's default stands."""

    image: str
    command: list[str]
    privileged: bool
    network: str
    pid: str
    ipc: str
    cap_add: list[str]
    binds: list[Bind]
    remove: bool

    def body(self) -> dict[str, Any]:
        """The body of `POST /containers/create` (Docker Engine API 1.24 and later)."""
        host: dict[str, Any] = {
            "AutoRemove": self.remove,
            "Privileged": self.privileged,
            "NetworkMode": self.network,
            "PidMode": self.pid,
            "IpcMode": self.ipc,
            "CapAdd": self.cap_add,
            "Binds": [str(bind) for bind in self.binds],
        }
        given = {"Image": self.image, "Cmd": self.command, "HostConfig": {k: v for k, v in host.items() if v}}
        return {key: value for key, value in given.items() if value}


def bind(volume: str) -> Bind | None:
    """The bind that the value of a `--volume` means; None for a volume by name, or a value known to the shell alone."""
    text = literal(volume) or ""
    if not re.fullmatch(r"/[\w./-]*:/[\w./-]*(:[\w,]+)?", text):
        return None
    return Bind(*text.split(":"))


def configuration(creation: ContainerCreation) -> Configuration | None:
    """The configuration that a command creates; None when one of its options has no place in it."""
    values = {name: literals(creation.values(name)) for name in _KNOWN}
    binds = [bind(volume) for volume in creation.values("volume")]
    image, command = literal(creation.image), literals(creation.command)
    if image is None or command is None or None in values.values() or None in binds:
        return None
    if any(option.name not in _KNOWN for option in creation.options):
        return None
    return Configuration(
        image=image,
        command=command,
        privileged=creation.has("privileged"),
        network=literal(creation.value("network")) or "",
        pid=literal(creation.value("pid")) or "",
        ipc=literal(creation.value("ipc")) or "",
        cap_add=values["cap-add"] or [],
        binds=[found for found in binds if found],
        remove=creation.has("rm"),
    )
