"""What is made on a Docker daemon through the gateways of one capture: each thing is in the capture's ledger.

By its id, or by a name that was nobody's before. So it can be put back after each atomic, and by `clean` after kill -9,
and nothing of anybody else's is touched.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from harness.capture import kinds
from harness.capture.lab import made_undo as made_undo  # registers how all of it is undone
from harness.capture.lab.docker_answers import messages, place_of
from harness.capture.lab.docker_api import ask
from harness.capture.lab.docker_names import names_given, tagged
from harness.capture.lab.docker_reach import reach
from harness.capture.lab.links import GWBRIDGE, is_there
from harness.capture.ledger import Ledger, LedgerClosed

# Read as a whole before it is passed on: it names volumes, folders and links.
_ASKS_BY_BODY = ("/containers/create", "/networks/create", "/volumes/create")
# Answers that tell an id, and are passed on only when that has been written down.
_TELLS = (*_ASKS_BY_BODY, "/commit")
_MAKES_IMAGES = ("/build", "/commit", "/images/load", "/images/create")
_REMOVES = re.compile(r"^/(images|volumes)/(.+)$")
_STEP = re.compile(r"^ ---> ([0-9a-f]{12,64})\s*$")
_LOADED = re.compile(r"^Loaded image(?: ID)?: (\S+)\s*$")


@dataclass(frozen=True)
class Asked:
    """A request that makes something: what it asks for, and the names and ids of images that were there before."""

    place: str
    body: dict[str, Any] = field(default_factory=dict)
    there: frozenset[str] = frozenset()

    @property
    def is_held_back(self) -> bool:
        """Whether its answer may be passed on only as a whole."""
        return self.place in _TELLS

    @property
    def is_listened_to(self) -> bool:
        """Whether its answer tells what was made while it streams."""
        return self.place in _MAKES_IMAGES


class DockerMade:
    """`daemon` is its own socket, of which the ledger tells. Threads may share it."""

    def __init__(self, daemon: Path, ledger: Ledger) -> None:
        self._daemon = daemon
        self._ledger = ledger
        self._ours: dict[tuple[str, str], str] = {}  # the number of its entry
        self._fresh: list[str] = []
        self._lock = threading.Lock()

    def holds(self, kind: str, name: str) -> bool:
        """Whether it was made by way of us: `containers` and `networks` by id, `volumes` and `images` by name."""
        return (kind, name) in self._ours

    def reads_body(self, method: str, path: str) -> bool:
        """Whether `before` wants to see the body of a request."""
        return method == "POST" and place_of(path) in _ASKS_BY_BODY

    def before(self, method: str, path: str, body: bytes = b"") -> Asked | None:
        """Write down what a request is about to make under a name; None where it makes nothing that we know of."""
        place = place_of(path)
        names = names_given(method, path, place)
        if method != "POST" or not (names or place in (*_TELLS, *_MAKES_IMAGES, "/swarm/init", "/swarm/join")):
            return None
        there = frozenset(self._images()) if place in _MAKES_IMAGES else frozenset[str]()
        asked = Asked(place, _object(body), there)
        if place == "/containers/create":
            self._mounts(asked.body)
        elif place == "/volumes/create" and asked.body.get("Name"):
            self._volume(str(asked.body["Name"]))
        elif place.startswith("/swarm/") and self._look("/info").get("Swarm", {}).get("LocalNodeState") == "inactive":
            self._add("swarm", "swarm", "swarm", {"gwbridge": not self._is_there(f"/networks/{GWBRIDGE}")})
        for name in names:
            if not self._is_there(f"/images/{quote(name, safe='')}/json"):
                self._add("images", name, "atomic_image", {"reference": name})
        return asked

    def after(self, asked: Asked, status: int, body: bytes) -> None:
        """Write down what the answer to it says that was made. Raises LedgerClosed, with that undone."""
        if status not in (200, 201):
            return
        made = str(_object(body).get("Id") or "")
        if asked.place == "/containers/create" and made:
            self._add("containers", made, "container", {"id": made})
        elif asked.place == "/networks/create" and made:
            self._add("networks", made, "atomic_network", {"id": made, "links": _links(asked.body)})
        elif asked.place == "/volumes/create" and not asked.body.get("Name"):
            self._add_volume(str(_object(body).get("Name")))
        elif asked.is_listened_to:
            for image in _images_told(body):
                if image not in asked.there:
                    self._add("images", image, "atomic_image", {"reference": image})

    def removed(self, path: str) -> None:
        """A request has removed something: where that was known by its name, the name is anybody's from now on."""
        if match := _REMOVES.match(place_of(path)):
            name = tagged(unquote(match[2])) if match[1] == "images" else unquote(match[2])
            with self._lock:
                number = self._ours.pop((match[1], name), "")
            if number:
                self._ledger.mark_undone(number)

    def put_back(self) -> list[str]:
        """Undo what was made since the last time, the newest first; returns what could not be, which stays written.

        So does all of it where the daemon does not answer.
        """
        with self._lock:
            fresh, self._fresh = self._fresh, []
            self._ours = {key: number for key, number in self._ours.items() if number not in fresh}
        there = bool(fresh) and reach(self._ledger.whose, self._daemon)
        return self._ledger.undo_these(fresh) if there else []

    def _add(self, kind: str, name: str, entry: str, what: dict[str, Any]) -> None:
        if self.holds(kind, name):
            return
        what = {"socket": str(self._daemon)} | what
        try:
            number = self._ledger.add(entry, **what)
        except LedgerClosed:  # it was on its way while all else was undone
            kinds.undo(entry, self._ledger.whose, what)
            raise
        with self._lock:
            self._ours[kind, name] = number
            self._fresh.append(number)

    def _mounts(self, body: dict[str, Any]) -> None:
        """The daemon makes volumes that it doesn't know, and folders that are not there (ContainerCreate)."""
        for volume, source in _sources(body.get("HostConfig")):
            if volume:
                self._volume(source)
            elif missing := _missing(source):
                self._add("folders", missing[0], "bind_folders", {"paths": missing})

    def _volume(self, name: str) -> None:
        if not self._is_there(f"/volumes/{quote(name, safe='')}"):
            self._add_volume(name)

    def _add_volume(self, name: str) -> None:
        self._add("volumes", name, "atomic_volume", {"name": name})

    def _images(self) -> Iterator[str]:
        for image in self._look("/images/json?all=1", list):
            yield str(image.get("Id"))
            yield str(image.get("Id")).removeprefix("sha256:")[:12]
            yield from image.get("RepoTags") or ()

    def _is_there(self, place: str) -> bool:
        """Where that can't be told it is: then it stays."""
        try:
            return ask(self._reach(), place)[0] != 404
        except (OSError, http.client.HTTPException):
            return True

    def _look(self, place: str, kind: type = dict) -> Any:
        """What the daemon says; nothing where it says none of that kind."""
        try:
            found = ask(self._reach(), place)[1]
        except (OSError, http.client.HTTPException):
            found = None
        return found if isinstance(found, kind) else kind()

    def _reach(self) -> Path:
        return reach(self._ledger.whose, self._daemon) or self._daemon


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _sources(host: object) -> Iterator[tuple[bool, str]]:
    """What a container mounts: whether it is a volume, and its name or the path on this machine."""
    host = host if isinstance(host, dict) else {}
    binds, mounts = (each if isinstance(each, list) else [] for each in (host.get("Binds"), host.get("Mounts")))
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


def _missing(path: str) -> list[str]:
    """The folders that are not there on the way to a path and the path itself, from the top; none if it is there."""
    place = Path(os.path.normpath(path))
    return [str(each) for each in (*reversed(place.parents), place) if not os.path.lexists(each)]


def _links(body: dict[str, Any]) -> list[str]:
    """The links that a network will make under a name of its own choice, and which are not there yet."""
    options = body.get("Options")
    named = (
        [options.get(key) for key in ("com.docker.network.bridge.name", "parent")] if isinstance(options, dict) else []
    )
    return [name for name in named if isinstance(name, str) and name and not is_there(name)]


def _images_told(body: bytes) -> Iterator[str]:
    """The ids and names of images of which an answer tells that they were made, in that order."""
    for message in messages(body):
        text, aux = str(message.get("stream", "")), message.get("aux")
        if match := _STEP.match(text) or _LOADED.match(text):
            yield match[1]
        told = aux.get("ID") if isinstance(aux, dict) else message.get("Id") or message.get("status")
        if str(told).startswith("sha256:"):
            yield str(told)
