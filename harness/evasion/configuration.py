"""The configuration of a container for the daemon's API, for ways that use no command line of Docker."""

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
        return ":".join(piece for piece in (self.source, self.target, self.mode) if piece)


@dataclass(frozen=True)
class Configuration:
    """The configuration of a container. `network`, `pid` and `ipc` are empty for the daemon's default."""

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
    """The bind that the value of a `--volume` means; None for a named volume, or a value only the shell knows."""
    text = literal(volume) or ""
    if not re.fullmatch(r"/[\w./-]*:/[\w./-]*(:[\w,]+)?", text):
        return None
    return Bind(*text.split(":"))


def configuration(creation: ContainerCreation) -> Configuration | None:
    """The configuration that a command creates; None where it can't hold one of the options."""
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
        binds=[known for known in binds if known],
        remove=creation.has("rm"),
    )
