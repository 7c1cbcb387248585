"""On a daemon that isn't ours: what was made for us there is known by its id, and nothing else is touched.

An atomic's cleanup may select too much ("all containers of this image"), and the container that it wants may be there
already, as the user's. So requests that would change or remove what wasn't made through a gateway of this capture are
answered with an error, in the daemon's manner. Prerequisites and cleanup don't even see the containers of others.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote, unquote

from harness.capture.lab.docker_answers import place_of
from harness.capture.lab.docker_api import ask
from harness.capture.lab.docker_made import DockerMade
from harness.capture.lab.docker_names import names_given, tagged

_THING = re.compile(r"^/(containers|networks|volumes)/([^/]+)(/[a-z]+)?$")
_IMAGE = re.compile(r"^/images/(.+?)(/tag)?$")
_MAKES = ("/containers/create", "/networks/create", "/volumes/create")
_SWARM = ("/swarm/leave", "/swarm/update")
_PRUNES = re.compile(r"^/(containers|images|networks|volumes|build)/prune$")
_JOINS = ("/connect", "/disconnect")  # of a network that may be anybody's: the container of ours changes


class DockerGuard:
    """Refuses what would change anything that was not `made` through the gateways of one capture."""

    def __init__(self, daemon: Path, made: DockerMade) -> None:
        self._daemon = daemon
        self._made = made

    def refusal(self, method: str, path: str, *, hides: bool) -> tuple[int, str] | None:
        """The status and the message with which a request is to be refused; None where it may pass.

        `hides`: whether containers of others are not there at all for who asks.
        """
        place = place_of(path)
        if method == "POST" and _PRUNES.match(place):
            return 403, "Livefire removes nothing by the kind on a daemon that is not its own"
        if place in _SWARM and not self._made.holds("swarm", "swarm"):
            return 403, "the swarm was not made by this run of Livefire, which so leaves it alone"
        if thing := self._foreign(place):
            kind, name, act = thing
            if method not in ("GET", "HEAD") and act not in _JOINS:
                return 403, f"{kind[:-1]} {name} was not made by this run of Livefire, which so leaves it alone"
            if hides and kind == "containers":
                return 404, f"No such container: {name}"
        return self._image_refusal(method, path, place)

    def visible(self, body: bytes) -> bytes:
        """The answer to `GET /containers/json`, with those of ours alone."""
        try:
            listed = json.loads(body)
            return json.dumps([each for each in listed if self._made.holds("containers", each["Id"])]).encode()
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
        return None if not identity or self._made.holds(kind, identity) else (kind, name, act)

    def _image_refusal(self, method: str, path: str, place: str) -> tuple[int, str] | None:
        """A name of an image is ours if it was given through a gateway, and was nobody's before."""
        match = _IMAGE.match(place)
        if method == "DELETE" and match:
            name = unquote(match[1])
            ours = self._made.holds("images", tagged(name)) or self._made.holds("images", name)
            if not ours and self._ask(f"/images/{quote(name, safe='')}/json"):
                return 403, f"image {name} was not made by this run of Livefire, which so leaves it alone"
            return None
        if place == "/images/create" and "fromSrc=" not in path:  # to pull what is there changes nothing but its age
            return None
        for name in names_given(method, path, place):
            if not self._made.holds("images", name) and self._ask(f"/images/{quote(name, safe='')}/json"):
                return 403, f"image {name} is there already, and was not made by this run of Livefire"
        return None

    def _ask(self, place: str) -> dict[str, object] | None:
        """The daemon's answer to a GET; None for anything else than an object with status 200."""
        status, found = ask(self._daemon, place)
        return found if status == 200 and isinstance(found, dict) else None
