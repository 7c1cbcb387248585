"""How the things that an atomic makes on a Docker daemon are undone, after the atomic or after a crash.

The daemon may be the user's, and goes on. With a lab's daemon its objects are thrown away, but not the links and
folders that it made on this machine.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.errors import LabUnavailable
from harness.host.kinds import Foreign, Whose, undoes
from harness.host.waiting import NotYet, wait_until
from harness.lab.docker.docker_api import ask
from harness.lab.docker.docker_reach import is_thrown_away, reach
from harness.lab.docker.links import GWBRIDGE, of_network, remove_link

_ID = re.compile("[0-9a-f]{64}")
_VOLUME = re.compile(r"\w[\w.-]+")
_IMAGE_ID = re.compile("(sha256:)?[0-9a-f]{12,64}")
_IMAGE_NAME = re.compile(r"[\w./:@-]+")


@undoes("container")
def container(whose: Whose, socket: str, id: str) -> None:
    """Remove a container that was made for us."""
    if not _ID.fullmatch(id):
        raise Foreign("it is not the id of a container")
    _remove(whose, socket, f"/containers/{id}?force=1&v=1")


@undoes("atomic_network")
def atomic_network(whose: Whose, socket: str, id: str, links: list[str] | None = None) -> None:
    """Remove a network that an atomic made, with all its connections, and the links that belong to it."""
    if not _ID.fullmatch(id):
        raise Foreign("it is not the id of a network")
    _remove_network(whose, socket, id)
    if is_thrown_away(whose, Path(socket)):  # another daemon removes its links itself
        for link in (*of_network(id), *(links or ())):
            remove_link(link)


@undoes("atomic_volume")
def atomic_volume(whose: Whose, socket: str, name: str) -> None:
    """Remove a volume that an atomic made."""
    if not _VOLUME.fullmatch(name):
        raise Foreign("it is not the name of a volume")
    _remove(whose, socket, f"/volumes/{name}")


@undoes("atomic_image")
def atomic_image(whose: Whose, socket: str, reference: str) -> None:
    """Remove a name that an atomic gave to an image; its other names stay. By id only an image without a name."""
    if not (_IMAGE_ID.fullmatch(reference) or _IMAGE_NAME.fullmatch(reference)):
        raise Foreign("it is not the name or the id of an image")
    place = f"/images/{quote(reference, safe='')}"
    if _IMAGE_ID.fullmatch(reference):
        inspected = _ask(whose, socket, "GET", f"{place}/json")
        if not inspected or inspected.get("RepoTags"):
            return
    _remove(whose, socket, place)


@undoes("swarm")
def swarm(whose: Whose, socket: str, gwbridge: bool) -> None:
    """Leave a swarm that an atomic made or joined. `gwbridge`: the swarm's bridge was not there before."""
    if gwbridge:
        _await_gwbridge(whose, socket)
    _ask(whose, socket, "POST", "/swarm/leave?force=1", fine=(200, 404, 406, 503))  # 503: in no swarm
    if gwbridge:
        _remove_network(whose, socket, GWBRIDGE)
        if is_thrown_away(whose, Path(socket)):
            remove_link(GWBRIDGE)


def _await_gwbridge(whose: Whose, socket: str) -> None:
    """Wait for the bridge. A daemon makes it a while after it has joined: else it would appear after the undoing."""

    def there() -> None:
        state = (_ask(whose, socket, "GET", "/info") or {}).get("Swarm", {}).get("LocalNodeState", "inactive")
        if state != "inactive" and not _ask(whose, socket, "GET", f"/networks/{GWBRIDGE}"):
            raise NotYet("not there")

    with contextlib.suppress(LabUnavailable):
        wait_until(GWBRIDGE, there, timeout=5)


@undoes("bind_folders")
def bind_folders(whose: Whose, socket: str, paths: list[str]) -> None:
    """Remove folders that a daemon made so that a container could mount the last of them. The topmost is first.

    Raises OSError where one is not empty.
    """
    for path in reversed(paths):
        if not Path(path).is_absolute() or ".." in Path(path).parts:
            raise Foreign(f"{path} is not the path of a folder")
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            Path(path).rmdir()


@undoes("lab_networks")
def lab_networks(whose: Whose, socket: str) -> None:
    """Remove all networks of a daemon of ours before it is killed, else their links would stay."""
    if not is_thrown_away(whose, Path(socket)):
        raise Foreign(f"it is not the daemon of {whose.id}")
    for network in _ask(whose, socket, "GET", "/networks") or ():
        if network.get("Name") not in ("bridge", "host", "none"):
            _remove_network(whose, socket, str(network.get("Id")))


def _remove_network(whose: Whose, socket: str, name: str) -> None:
    network = _ask(whose, socket, "GET", f"/networks/{name}")
    for container in (network or {}).get("Containers") or {}:
        body = {"Container": container, "Force": True}
        _ask(whose, socket, "POST", f"/networks/{name}/disconnect", body, fine=(200, 404))
    if network:
        _remove(whose, socket, f"/networks/{name}")


def _remove(whose: Whose, socket: str, place: str) -> None:
    _ask(whose, socket, "DELETE", place, fine=(200, 204, 404))


def _ask(
    whose: Whose,
    socket: str,
    method: str,
    place: str,
    body: dict[str, Any] | None = None,
    fine: tuple[int, ...] = (200, 404),
) -> Any:
    """The daemon's answer; None where it has nothing of that name, or is a lab's and has ended.

    Raises LabUnavailable where it does not answer, or with a status that is not in `fine`.
    """
    path = reach(whose, Path(socket))
    if path is None and is_thrown_away(whose, Path(socket)):
        return None
    try:
        status, content = ask(path or Path(socket), place, method=method, body=body)
    except (OSError, http.client.HTTPException) as error:
        raise LabUnavailable(f"the Docker daemon at {socket} does not answer: {error}") from None
    if status not in fine:
        message = content.get("message") if isinstance(content, dict) else None
        raise LabUnavailable(f"the Docker daemon at {socket}: {message or f'status {status}'}")
    return content if status == 200 else None
