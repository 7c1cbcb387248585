"""The guard before a daemon that isn't ours: it refuses requests that change what was not made for us.

An atomic's cleanup may select too much ("all containers of this image"), or a container of the user may have the same
name. So there is a list of what may pass: requests that only read, that make something that a ledger can name, or that
act on a thing made through a gateway of this capture. Any other request gets an error in the daemon's format.
Prerequisites and cleanup don't see the containers of others.

Source of the list: Docker Engine API 1.24 to 1.51. Names may be quoted in a path, the words of the API may not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from harness.lab.docker.docker_api import ask
from harness.lab.docker.image_names import names_given, tagged
from harness.sensors.docker.daemon_answers import place_of
from harness.sensors.docker.gateway_http import header
from harness.sensors.docker.made import DockerMade

Refusal = tuple[int, str]
# The path at which the daemon describes a thing, and the key that identifies it.
_TOLD = {
    "containers": ("/containers/{}/json", "Id"),
    "networks": ("/networks/{}", "Id"),
    "volumes": ("/volumes/{}", "Name"),
    "images": ("/images/{}/json", "Id"),
    "exec": ("/exec/{}/json", "ContainerID"),
}


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    place: str
    name: str  # of the thing that the request is about, as in the path
    body: bytes

    def values(self, key: str) -> list[str]:
        return parse_qs(urlsplit(self.path).query).get(key, [])


class DockerGuard:
    """Refuses requests that are not on the list, or that act on things not `made` through this capture's gateways."""

    def __init__(self, daemon: Path, made: DockerMade) -> None:
        self._daemon = daemon
        self._made = made

    def refusal(self, head: bytes, body: bytes, *, hides: bool) -> Refusal | None:
        """The status and the message of a refusal; None where the request may pass.

        `body` is the request's body where `reads_body` is true, else empty. `hides`: the client must not see containers
        of others. Raises OSError or http.client.HTTPException where the daemon does not answer.
        """
        method, path = (word.decode("latin-1") for word in head.split(b" ", 2)[:2])
        place = place_of(path)
        if b"form" in header(head, b"Content-Type").lower():  # its fields would stand for those of the query
            return 403, "Livefire passes no forms to a daemon that is not its own"
        for methods, pattern, judge in _MAY_PASS:
            match = pattern.fullmatch(place) if method in methods else None
            if match and _is_plain(name := match.groupdict().get("name") or ""):
                request = _Request(method, path, place, name, body)
                return judge(self, request) or (self._hidden(request) if hides else None)
        if place.endswith("/prune"):
            return 403, "Livefire prunes nothing on a daemon that is not its own"
        return 403, f"{method} {place} is not on the list of what may pass to a daemon that is not Livefire's own"

    def visible(self, body: bytes) -> bytes:
        """The answer to `GET /containers/json` with only the containers made for us."""
        try:
            listed = json.loads(body)
            return json.dumps(
                [container for container in listed if self._made.holds("containers", container["Id"])]
            ).encode()
        except (ValueError, KeyError, TypeError):
            return body

    def passes(self, _: _Request) -> Refusal | None:
        """Pass: it reads, or makes something new."""
        return None

    def acts(self, request: _Request) -> Refusal | None:
        """Pass where the thing that it names is ours."""
        return self._foreign(request.place.split("/")[1], request.name)

    def names(self, request: _Request) -> Refusal | None:
        """Pass where each name that it gives to an image is ours or new."""
        if request.place == "/build" and request.values("version") not in ([], ["1"]):
            return (
                403,
                "Livefire can't remove BuildKit's cache, so on a daemon that is not its own it does not build by it",
            )
        if request.values("fromImage") and not _has_tag(request):
            return 403, "it names no tag, and so all images of that name"
        for name in names_given(request.method, request.path, request.place):
            if not self._made.holds("images", name) and self._look("images", name)[0] != 404:
                return 403, f"image {name} is there already, and was not made by this run of Livefire"
        return None

    def commits(self, request: _Request) -> Refusal | None:
        """Pass where the container and the image's name are ours: a commit pauses the one and gives the other."""
        containers = request.values("container")
        return next(
            filter(None, (self._foreign("containers", container) for container in containers)), self.names(request)
        )

    def image(self, request: _Request) -> Refusal | None:
        """Pass where it removes or pushes an image's name that was given through a gateway."""
        name = unquote(request.name)
        if request.place.endswith("/push") and request.method == "POST":
            name = f"{name}:{next(iter(request.values('tag')), '')}"
        elif self._made.holds("images", name):
            return None
        if self._made.holds("images", tagged(name)) or self._look("images", request.name)[0] == 404:
            return None
        return 403, _left_alone("images", name)

    def joins(self, request: _Request) -> Refusal | None:
        """Pass where it connects or disconnects a container of ours. The network may be anybody's.

        From a network of ours any container may be disconnected, or the network could not be removed.
        """
        if request.place.endswith("/disconnect") and not self._foreign("networks", request.name):
            return None
        try:
            pairs = json.loads(request.body, object_pairs_hook=list)
            containers = [
                str(value) for key, value in pairs if key.lower() == "container"
            ]  # Go ignores the case of keys
        except (ValueError, TypeError, AttributeError, RecursionError):
            containers = []
        if not containers or not all(_is_plain(container) for container in containers):
            return 403, "it does not say which container it is about"
        return next(filter(None, (self._foreign("containers", container) for container in containers)), None)

    def swarms(self, _: _Request) -> Refusal | None:
        """Pass where the swarm was made by us: all in it is removed when the daemon leaves it."""
        if self._made.holds("swarm", "swarm"):
            return None
        return 403, "the swarm was not made by this run of Livefire, so it is not changed"

    def _hidden(self, request: _Request) -> Refusal | None:
        """404 for a container of others."""
        is_one = request.place.startswith("/containers/") and request.name
        if is_one and self._foreign("containers", request.name):
            return 404, f"No such container: {unquote(request.name)}"
        return None

    def _foreign(self, kind: str, name: str) -> Refusal | None:
        """A refusal for a thing that was not made through a gateway, or of which that is not known."""
        status, facts = self._look(kind, name)
        if status == 404:
            return None
        identity = str(facts.get(_TOLD[kind][1]) or "") if status == 200 else ""
        ours = identity and self._made.holds("containers" if kind == "exec" else kind, identity)
        return None if ours else (403, _left_alone(kind, unquote(name)))

    def _look(self, kind: str, name: str) -> tuple[int, dict[str, Any]]:
        """The daemon's status and description of a thing."""
        status, answer = ask(self._daemon, _TOLD[kind][0].format(name))
        return status, answer if isinstance(answer, dict) else {}


def _left_alone(kind: str, name: str) -> str:
    return f"{kind.removesuffix('s')} {name} was not made by this run of Livefire, so it is not changed"


def _is_plain(name: str) -> bool:
    """Whether a name in a path is a plain name. The daemon would resolve `..` and the like to another path."""
    return not name or not {"", ".", ".."} & set(unquote(name).split("/"))


def _has_tag(request: _Request) -> bool:
    last = request.values("fromImage")[0].rpartition("/")[2]
    return bool(request.values("tag")) or ":" in last or "@" in last


_Judge = Callable[[DockerGuard, _Request], Refusal | None]


def _may(methods: str, pattern: str, judge: _Judge) -> tuple[tuple[str, ...], re.Pattern[str], _Judge]:
    """A line of the list. NAME in a pattern is one component of a path, IMAGE may be several."""
    named = pattern.replace("NAME", "(?P<name>[^/]+)").replace("IMAGE", "(?P<name>.+)")
    return tuple(methods.split()), re.compile(named), judge


_GUARD = DockerGuard
_MAY_PASS = [
    _may("GET HEAD", "/(_ping|version|info|events|system/df|swarm(/unlockkey)?)", _GUARD.passes),
    _may("GET HEAD", "/(containers/json|images/(json|search|get)|networks|volumes|plugins)", _GUARD.passes),
    _may("GET HEAD", "/containers/NAME/(json|top|logs|changes|stats|export|archive)", _GUARD.passes),
    _may("GET HEAD", "/images/IMAGE/(json|history|get)", _GUARD.passes),
    _may("GET HEAD", "/(distribution|plugins)/IMAGE/json", _GUARD.passes),
    _may("GET HEAD", "/exec/NAME/json", _GUARD.passes),
    _may("GET HEAD", "/(networks|volumes)/NAME", _GUARD.passes),
    _may("GET HEAD", "/(nodes|services|tasks|secrets|configs)(/NAME(/logs)?)?", _GUARD.passes),
    _may("POST", "/auth", _GUARD.passes),
    _may("POST", "/(containers|networks|volumes)/create", _GUARD.passes),
    _may("POST", "/swarm/(init|join)", _GUARD.passes),
    _may("POST", "/(images/create|build|images/IMAGE/tag)", _GUARD.names),
    _may("POST", "/commit", _GUARD.commits),
    _may("DELETE", "/(containers|networks|volumes)/NAME", _GUARD.acts),
    _may("PUT", "/volumes/NAME", _GUARD.acts),
    _may("PUT", "/containers/NAME/archive", _GUARD.acts),
    _may("POST", "/containers/NAME/(start|stop|restart|kill|pause|unpause|rename|update)", _GUARD.acts),
    _may("POST", "/containers/NAME/(resize|attach|wait|exec)", _GUARD.acts),
    _may("GET", "/containers/NAME/attach/ws", _GUARD.acts),
    _may("POST", "/exec/NAME/(start|resize)", _GUARD.acts),
    _may("POST", "/networks/NAME/(connect|disconnect)", _GUARD.joins),
    _may("DELETE", "/images/IMAGE", _GUARD.image),
    _may("POST", "/images/IMAGE/push", _GUARD.image),
    _may("POST", "/swarm/(leave|update|unlock)", _GUARD.swarms),
    _may("POST", "/(services|secrets|configs)/create", _GUARD.swarms),
    _may("POST", "/(services|secrets|configs|nodes)/NAME/update", _GUARD.swarms),
    _may("DELETE", "/(services|secrets|configs|nodes)/NAME", _GUARD.swarms),
]
