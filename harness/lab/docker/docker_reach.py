"""The socket at which a daemon answers now: a capture's gateway, the moved socket, or its own."""

from __future__ import annotations

import http.client
from pathlib import Path

from harness.host.kinds import Whose
from harness.lab.docker.docker_api import ask
from harness.lab.docker.docker_front import aside

HARNESS_SOCKET = "harness.sock"  # in a run's folder: the gateway for Livefire's own requests
_PATIENCE = 3.0


def reach(whose: Whose, socket: Path) -> Path | None:
    """The first of its sockets at which the daemon answers; None where it answers at none, or is paused."""
    for path in (whose.folder / HARNESS_SOCKET, aside(socket, whose.id), socket):
        try:
            if path.exists() and ask(path, "/_ping", timeout=_PATIENCE)[0] == 200:
                return path
        except TimeoutError:
            return None
        except (OSError, http.client.HTTPException):
            continue
    return None


def is_thrown_away(whose: Whose, socket: Path) -> bool:
    """Whether it is the daemon of a lab beside this run, or of this lab: its objects are removed with it."""
    lab = socket.parent.parent
    beside = lab.parent.resolve() == whose.folder.parent.resolve() and lab.name.startswith("lab-")
    return beside and socket == lab / "docker/docker.sock"
