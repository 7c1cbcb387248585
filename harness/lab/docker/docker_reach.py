"""Where a daemon answers right now: behind the gateway of a capture, aside of one, or at its own socket."""

from __future__ import annotations

import http.client
from pathlib import Path

from harness.host.kinds import Whose
from harness.lab.docker.docker_api import ask
from harness.lab.docker.docker_front import aside

HARNESS_SOCKET = "harness.sock"  # in a run's folder: what Livefire itself asks for is noted there as its own
_PATIENCE = 3.0


def reach(whose: Whose, socket: Path) -> Path | None:
    """The first of its sockets at which it answers; None where it does at none, or is paused."""
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
    """Whether it is the daemon of a lab beside this run, or of this lab: what is in it goes with it."""
    lab = socket.parent.parent
    beside = lab.parent.resolve() == whose.folder.parent.resolve() and lab.name.startswith("lab-")
    return beside and socket == lab / "docker/docker.sock"
