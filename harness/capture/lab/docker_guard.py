"""On a daemon that isn't ours: what was made for us there is known by its id, and nothing else is touched.

An atomic's cleanup may select too much ("all containers of this image"), and the container that it wants may be there
already, as the user's. So requests that would change or remove what wasn't made through a gateway of this capture are
answered with an error, in the daemon's manner. Prerequisites and cleanup don't even see the containers of others.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from harness.capture.lab.docker_answers import place_of

_THING = re.compile(r"^/(containers|networks|volumes)/([^/]+)(/[a-z]+)?$")
_IMAGE = re.compile(r"^/images/(.+?)(/tag)?$")
_MAKES = {"/containers/create": "containers", "/networks/create": "networks", "/volumes/create": "volumes"}
_PRUNES = re.compile(r"^/(containers|images|networks|volumes|build)/prune$")
_JOINS = ("/connect", "/disconnect")  # of a network that may be anybody's: the container of ours changes


class DockerGuard:
    """Knows what was made through the gateways of one capture.

    `made(kind, id)` is called for each thing at once, for a name of an image before it is given; `gone` once such a
    name has been taken back.
    """

    def __init__(self, daemon: Path, made: Callable[[str, str], None], gone: Callable[[str], None]) -> None:
        self._daemon = daemon
        self._made = made
        self._gone = gone
        self._ours: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def refusal(self, method: str, path: str, *, hides: bool) -> tuple[int, str] | None:
        """The status and the message with which a request is to be refused; None where it may pass.

        `hides`: whether containers of others are not there at all for who asks.
        """
        place = place_of(path)
        if method == "POST" and _PRUNES.match(place):
            return 403, "Livefire removes nothing by the kind on a daemon that is not its own"
        if thing := self._foreign(place):
            kind, name, act = thing
            if method not in ("GET", "HEAD") and act not in _JOINS:
                return 403, f"{kind[:-1]} {name} was not made by this run of Livefire, which so leaves it alone"
            if hides and kind == "containers":
                return 404, f"No such container: {name}"
        return self._image_refusal(method, path, place)

    def takes_note(self, path: str, status: int, body: bytes) -> None:
        """Of what a request has made, before who asked for it is told."""
        kind = _MAKES.get(place_of(path))  # the kind of what is made
        if not kind or status != 201:
            return
        try:
            found = json.loads(body)
            made = str(found.get("Id") or found["Name"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        self.add(kind, made)
        self._made(kind, made)

    def add(self, kind: str, made: str) -> None:
        """It is ours from now on."""
        with self._lock:
            self._ours.add((kind, made))

    def was_removed(self, path: str) -> None:
        """Of a request that has taken the name of an image back."""
        match = _IMAGE.match(place_of(path))
        if match and ("images", _tagged(unquote(match[1]))) in self._ours:
            self._gone(_tagged(unquote(match[1])))

    def visible(self, body: bytes) -> bytes:
        """The answer to `GET /containers/json`, with those of ours alone."""
        try:
            listed = json.loads(body)
            return json.dumps([each for each in listed if ("containers", each["Id"]) in self._ours]).encode()
        except (ValueError, KeyError, TypeError):
            return body

    def _foreign(self, place: str) -> tuple[str, str, str] | None:
        """The kind, the name and what is to be done, of a thing that is there and was not made through a gateway."""
        match = _THING.match(place)
        if not match or place in _MAKES or match[2] in ("json", "prune"):
            return None
        kind, name, act = match[1], unquote(match[2]), match[3] or ""
        if kind == "containers":
            found = self._ask(f"/containers/{quote(name, safe='')}/json")
        else:
            found = self._ask(f"/{kind}/{quote(name, safe='')}")
        identity = str(found.get("Id") or found.get("Name") or "") if found else ""
        return None if not identity or (kind, identity) in self._ours else (kind, name, act)

    def _image_refusal(self, method: str, path: str, place: str) -> tuple[int, str] | None:
        """A name of an image is ours if it was given through a gateway, and was nobody's before."""
        match = _IMAGE.match(place)
        if method == "DELETE" and match:
            name = unquote(match[1])
            if self._ask(f"/images/{quote(name, safe='')}/json") and ("images", _tagged(name)) not in self._ours:
                return 403, f"image {name} was not made by this run of Livefire, which so leaves it alone"
            return None
        for name in _names_given(method, path, place):
            if ("images", name) in self._ours:
                continue
            there = self._ask(f"/images/{quote(name, safe='')}/json")
            if there and place != "/images/create":  # to pull what is there changes nothing but its age
                return 403, f"image {name} is there already, and was not made by this run of Livefire"
            if not there:
                self._made("images", name)
                self.add("images", name)
        return None

    def _ask(self, place: str) -> dict[str, object] | None:
        """The daemon's answer to a GET; None for anything else than an object with status 200."""
        connection = _UnixConnection(self._daemon)
        try:
            connection.request("GET", place)
            answer = connection.getresponse()
            body = answer.read()
            found = json.loads(body) if answer.status == 200 else None
            return found if isinstance(found, dict) else None
        except ValueError:
            return None
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP to a Unix socket. Without a version in the path, the daemon answers by its newest (Docker Engine API)."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _names_given(method: str, path: str, place: str) -> list[str]:
    """The names that a request gives to an image: ImageBuild, ImageCreate, ImageTag and ImageCommit."""
    if method != "POST":
        return []
    query = parse_qs(urlsplit(path).query)
    if place == "/build":
        return [_tagged(name) for name in query.get("t", [])]
    base = {"/images/create": ("fromImage", "repo"), "/commit": ("repo",)}.get(place)
    if place.startswith("/images/") and place.endswith("/tag"):
        base = ("repo",)
    names = [name for key in base or () for name in query.get(key, [])]
    tags = query.get("tag", [""])
    return [_tagged(f"{name}:{tags[0]}" if tags[0] and ":" not in tags[0] else name) for name in names]


def _tagged(name: str) -> str:
    """A name as the daemon writes it: `:latest` where there is no tag."""
    name = name.removeprefix("docker.io/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"
