"""The things made on a Docker daemon through the gateways of one capture. Each is in the capture's ledger.

The ledger has its id, or a name that nothing had before. So it can be undone after each atomic, and by `clean` after
kill -9, and nothing else is changed.
"""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from harness.errors import LabUnavailable, first_line
from harness.host import kinds
from harness.host.ledger import Ledger
from harness.lab.docker import made_undo as made_undo  # registers how all of it is undone
from harness.lab.docker.docker_api import ask
from harness.lab.docker.docker_reach import reach
from harness.lab.docker.image_names import names_given, tagged
from harness.lab.docker.links import GWBRIDGE
from harness.lab.sysctl import SWARM, record_sysctls, sysctls
from harness.sensors.docker.asked import MAKES_IMAGES, Asked, links, makes, missing, object_of, sources
from harness.sensors.docker.daemon_answers import messages, place_of

_REMOVES = re.compile(r"^/(images|volumes)/(.+)$")
Written = TypeVar("Written")
_STEP = re.compile(r"^ ---> ([0-9a-f]{12,64})\s*$")
_LOADED = re.compile(r"^Loaded image(?: ID)?: (\S+)\s*$")


class DockerMade:
    """`daemon` is the daemon's own socket, which the ledger's entries name. Threads may share this object."""

    def __init__(self, daemon: Path, ledger: Ledger) -> None:
        self._daemon = daemon
        self._ledger = ledger
        self._ours: dict[tuple[str, str], str] = {}  # the number of its entry
        self._fresh: list[str] = []
        self._lock = threading.Lock()

    def holds(self, kind: str, name: str) -> bool:
        """Whether it was made through a gateway: `containers` and `networks` by id, `volumes` and `images` by name."""
        return (kind, name) in self._ours

    def before(self, method: str, path: str, body: bytes = b"") -> Asked | None:
        """Write down what a request is about to make under a name; None where it makes nothing that can be undone."""
        place = place_of(path)
        names = names_given(method, path, place)
        if not makes(method, path):
            return None
        there = frozenset(self._images()) if place in MAKES_IMAGES else frozenset[str]()
        asked = Asked(place, object_of(body), there)
        if place == "/containers/create":
            self._mounts(asked.body)
        elif place == "/volumes/create" and asked.body.get("Name"):
            self._volume(str(asked.body["Name"]))
        elif place.startswith("/swarm/") and self._look("/info").get("Swarm", {}).get("LocalNodeState") == "inactive":
            if not self.holds("swarm", "swarm"):
                self._settings()
            self._add("swarm", "swarm", "swarm", {"gwbridge": not self._is_there(f"/networks/{GWBRIDGE}")})
        for name in names:
            if not self._is_there(f"/images/{quote(name, safe='')}/json"):
                self._add("images", name, "atomic_image", {"reference": name})
        return asked

    def after(self, asked: Asked, status: int, body: bytes) -> None:
        """Write down what the answer names as made.

        Undoes it and raises LabUnavailable where the ledger can't be written or is closed.
        """
        if status not in (200, 201):
            return
        made = str(object_of(body).get("Id") or "")
        if asked.place == "/containers/create" and made:
            self._keep("containers", made, "container", {"id": made})
        elif asked.place == "/networks/create" and made:
            self._keep("networks", made, "atomic_network", {"id": made, "links": links(asked.body)})
        elif asked.place == "/volumes/create" and not asked.body.get("Name"):
            name = str(object_of(body).get("Name"))
            self._keep("volumes", name, "atomic_volume", {"name": name})
        elif asked.is_listened_to:
            for image in _images_told(body):
                if image not in asked.there:
                    self._keep("images", image, "atomic_image", {"reference": image})

    def removed(self, path: str) -> None:
        """A request has removed something. Where it was known by its name, the name is no longer ours."""
        if match := _REMOVES.match(place_of(path)):
            name = tagged(unquote(match[2])) if match[1] == "images" else unquote(match[2])
            with self._lock:
                number = self._ours.pop((match[1], name), "")
                self._fresh = [fresh for fresh in self._fresh if fresh != number]
            if number:
                self._write(lambda: self._ledger.mark_undone(number))

    def put_back(self) -> list[str]:
        """Undo what was made since the last call, and what could not be undone then, the newest first.

        Returns what can't be undone now. It stays in the ledger, as does all where the daemon does not answer.
        """
        with self._lock:
            numbers = list(self._fresh)
        if not numbers:
            return []
        if not reach(self._ledger.whose, self._daemon):
            return [f"what was made on the Docker daemon can't be put back: it does not answer ({len(numbers)} things)"]
        problems = self._ledger.undo_these(numbers)
        gone = set(numbers) - {entry.id for entry in self._ledger.open_entries()}
        with self._lock:
            self._fresh = [number for number in self._fresh if number not in gone]
            self._ours = {key: number for key, number in self._ours.items() if number not in gone}
        return [f"left behind: {problem}" for problem in problems]

    def _settings(self) -> None:
        """Write down the kernel settings that a swarm changes: they are put back after the daemon has left it."""
        values = sysctls(SWARM)
        numbers = self._write(lambda: record_sysctls(self._ledger, values))
        with self._lock:
            self._fresh += numbers

    def _add(self, kind: str, name: str, entry: str, what: dict[str, Any]) -> None:
        if self.holds(kind, name):
            return
        what = {"socket": str(self._daemon)} | what
        number = self._write(lambda: self._ledger.add(entry, **what))
        with self._lock:
            self._ours[kind, name] = number
            self._fresh.append(number)

    def _keep(self, kind: str, name: str, entry: str, what: dict[str, Any]) -> None:
        """As `_add`, for what has been made already: it is undone where it can't be written down."""
        try:
            self._add(kind, name, entry, what)
        except LabUnavailable as error:
            self._ours[kind, name] = ""  # or the guard would keep us from undoing it
            try:
                kinds.undo(entry, self._ledger.whose, {"socket": str(self._daemon)} | what)
            except Exception as again:
                raise LabUnavailable(f"{error.message}, and the {kind} {name} stays: {first_line(again)}") from None
            finally:
                self._ours.pop((kind, name), None)
            raise

    def _write(self, write: Callable[[], Written]) -> Written:
        """Raises LabUnavailable where the ledger can't be written, which must not be taken for a broken connection."""
        try:
            return write()
        except OSError as error:
            raise LabUnavailable(f"{self._ledger.path} can't be written: {error.strerror}") from None

    def _mounts(self, body: dict[str, Any]) -> None:
        """The daemon makes volumes that it doesn't know, and folders that are not there (ContainerCreate)."""
        for volume, source in sources(body.get("HostConfig")):
            if volume:
                self._volume(source)
            elif paths := missing(source):
                self._add("folders", paths[0], "bind_folders", {"paths": paths})

    def _volume(self, name: str) -> None:
        if not self._is_there(f"/volumes/{quote(name, safe='')}"):
            self._add("volumes", name, "atomic_volume", {"name": name})

    def _images(self) -> Iterator[str]:
        for image in self._look("/images/json?all=1", list):
            yield str(image.get("Id"))
            yield str(image.get("Id")).removeprefix("sha256:")[:12]
            yield from image.get("RepoTags") or ()

    def _is_there(self, place: str) -> bool:
        """Whether a thing exists; True where that is not known, so that it is not removed."""
        try:
            return ask(self._reach(), place)[0] != 404
        except (OSError, http.client.HTTPException):
            return True

    def _look(self, place: str, kind: type = dict) -> Any:
        """The daemon's answer; an empty `kind` where it is none of that type."""
        try:
            answer = ask(self._reach(), place)[1]
        except (OSError, http.client.HTTPException):
            answer = None
        return answer if isinstance(answer, kind) else kind()

    def _reach(self) -> Path:
        return reach(self._ledger.whose, self._daemon) or self._daemon


def _images_told(body: bytes) -> Iterator[str]:
    """The ids and names of images that an answer names as made, in that order."""
    for message in messages(body):
        text, aux = str(message.get("stream", "")), message.get("aux")
        if match := _STEP.match(text) or _LOADED.match(text):
            yield match[1]
        identity = aux.get("ID") if isinstance(aux, dict) else message.get("Id") or message.get("status")
        if str(identity).startswith("sha256:"):
            yield str(identity)
