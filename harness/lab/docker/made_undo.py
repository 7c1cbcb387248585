"""How what an atomic makes on a Docker daemon is undone, after the atomic or after a crash.

The daemon may be anybody's, and goes on. One that is thrown away takes with it what is in it, but not the links and
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
    """Remove one container that was made for us."""
    if not _ID.fullmatch(id):
        raise Foreign("it is not the id of a container")
    _remove(whose, socket, f"/containers/{id}?force=1&v=1")


@undoes("atomic_network")
def atomic_network(whose: Whose, socket: str, id: str, links: list[str] | None = None) -> None:
    """Remove a network that an atomic made, whoever is connected to it, and the links that came with it."""
    if not _ID.fullmatch(id):
        raise Foreign("it is not the id of a network")
    _remove_network(whose, socket, id)
    if is_thrown_away(whose, Path(socket)):  # another's daemon sees to its links itself
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
    """Take back a name that an atomic gave to an image; other names of it stay. By its id only if it has no name."""
    if not (_IMAGE_ID.fullmatch(reference) or _IMAGE_NAME.fullmatch(reference)):
        raise Foreign("it is not the name or the id of an image")
    place = f"/images/{quote(reference, safe='')}"
    if _IMAGE_ID.fullmatch(reference):
        found = _ask(whose, socket, "GET", f"{place}/json")
        if not found or found.get("RepoTags"):
            return
    _remove(whose, socket, place)


@undoes("swarm")
def swarm(whose: Whose, socket: str, gwbridge: bool) -> None:
    """Leave a swarm into which an atomic put a daemon that was in none. `gwbridge`: its bridge was not there before."""
    if gwbridge:
        _await_gwbridge(whose, socket)
    _ask(whose, socket, "POST", "/swarm/leave?force=1", fine=(200, 404, 406, 503))  # 503: in no swarm
    if gwbridge:
        _remove_network(whose, socket, GWBRIDGE)
        if is_thrown_away(whose, Path(socket)):
            remove_link(GWBRIDGE)


def _await_gwbridge(whose: Whose, socket: str) -> None:
    """A daemon makes it some time after it has joined; left before that, the bridge would come when all is undone."""

    def there() -> None:
        state = (_ask(whose, socket, "GET", "/info") or {}).get("Swarm", {}).get("LocalNodeState", "inactive")
        if state != "inactive" and not _ask(whose, socket, "GET", f"/networks/{GWBRIDGE}"):
            raise NotYet("not there")

    with contextlib.suppress(LabUnavailable):
        wait_until(GWBRIDGE, there, timeout=5)


@undoes("bind_folders")
def bind_folders(whose: Whose, socket: str, paths: list[str]) -> None:
    """Remove folders, the topmost first in the list, that a daemon made so that a container could mount the last.

    Raises OSError where somebody has put something into one.
    """
    for path in reversed(paths):
        if not Path(path).is_absolute() or ".." in Path(path).parts:
            raise Foreign(f"{path} is not the path of a folder")
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            Path(path).rmdir()


@undoes("lab_networks")
def lab_networks(whose: Whose, socket: str) -> None:
    """Remove all networks of a daemon of ours that is about to be killed: their links would stay."""
    if not is_thrown_away(whose, Path(socket)):
        raise Foreign(f"it is not the daemon of {whose.id}")
    for network in _ask(whose, socket, "GET", "/networks") or ():
        if network.get("Name") not in ("bridge", "host", "none"):
            _remove_network(whose, socket, str(network.get("Id")))


def _remove_network(whose: Whose, socket: str, name: str) -> None:
    found = _ask(whose, socket, "GET", f"/networks/{name}")
    for each in (found or {}).get("Containers") or {}:
        body = {"Container": each, "Force": True}
        _ask(whose, socket, "POST", f"/networks/{name}/disconnect", body, fine=(200, 404))
    if found:
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
    """What the daemon answers; None where it has nothing of that name, or has ended and is thrown away.

    Raises LabUnavailable with what it says otherwise.
    """
    path = reach(whose, Path(socket))
    if path is None and is_thrown_away(whose, Path(socket)):
        return None
    try:
        status, found = ask(path or Path(socket), place, method=method, body=body)
    except (OSError, http.client.HTTPException) as error:
        raise LabUnavailable(f"the Docker daemon at {socket} does not answer: {error}") from None
    if status not in fine:
        said = found.get("message") if isinstance(found, dict) else None
        raise LabUnavailable(f"the Docker daemon at {socket}: {said or f'status {status}'}")
    return found if status == 200 else None
