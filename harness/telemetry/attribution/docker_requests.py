"""The requests to the Docker daemon, as the gateways noted them, and the slices of the daemon's records."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from harness.telemetry.attribution.twins import surplus, within
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.schema import BACKGROUND, ambiguous, one_of

_FILES = re.compile(r"/containers/([^/]+)/(?:archive|copy|export)(?:\?|$)")
_BUILD = re.compile(r"^(?:/v[\d.]+)?/build\?")
_COLLECTION = re.compile(r"^(?:/v[\d.]+)?/(\w+)")
_READS = ("GET", "HEAD")
_SAVE = re.compile(r"^(?:/v[\d.]+)?/images/(?:[^?]+/)?get(?:\?|$)")
# The method of the requests that copy files from or to a container, by the action of their event (Docker Engine API,
# ContainerArchive, PutContainerArchive, ContainerExport; `copy` was removed in 1.24).
FILE_ACTIONS = {"archive-path": "GET", "extract-to-dir": "PUT", "copy": "POST", "export": "GET"}


@dataclass
class DockerRequests:
    """All requests of one recording. `during` gives the atomic whose attack ran at a moment, or an empty text.

    `moments` (seconds, epoch) are the times of alike records elsewhere. If there are more than requests, one was not
    noted, and it is unknown which. `all_gated` says that there is a gateway before every socket of the daemon.
    """

    requests: list[DockerRequest]
    during: Callable[[float], str] = lambda _: ""
    all_gated: bool = True

    _by_call: dict[tuple[str, str], list[DockerRequest]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for request in self.requests:
            self._by_call[request.method, request.path].append(request)
        self._asked = {r.container_id: r.config for r in self.requests if r.container_id and r.config is not None}
        self._of_images = [request for request in self.requests if _changes_images(request)]
        self._execs = {r.exec_id: r.atomic for r in self.requests if r.exec_id}
        # recordings with peers have a gateway before the daemon's own socket, too
        self.all_noted = any(r.peer is not None for r in self.requests)

    def asked_for(self, container_id: str) -> dict[str, Any] | None:
        """The requested configuration, in the form of an inspect; None where it is unknown."""
        config = self._asked.get(container_id)
        if config is None:
            return None
        host = value if isinstance(value := config.get("HostConfig"), dict) else {}
        return {"Config": config, "HostConfig": host, "Mounts": _mounts(host)}

    def unknown(self, at: float) -> str:
        """The slice of a request past all gateways. While an attack runs, it may be the attack's."""
        running = self.during(at) if self.all_noted else ""
        return ambiguous(running) if running else ""

    def of_exec(self, ids: Iterable[str], at: float) -> str:
        """The slice of an exec in a container: the party that requested it, whatever the container's slice.

        One of `ids` is the exec id.
        """
        return next((self._execs[id_] for id_ in ids if id_ in self._execs), None) or self._unnoted(at)

    def one_of(self, requests: Collection[DockerRequest], at: float, moments: Collection[float]) -> str:
        """The sender of one of these requests at a moment; empty for none, ambiguous where several are possible."""
        parties = [request.atomic for request in requests if within(request.window, at)]
        if parties and surplus(at, moments, [request.window for request in requests]):
            parties.append(self.unknown(at) or BACKGROUND)
        return one_of(parties)

    def building(self, at: float) -> str:
        """The slice of a BuildKit step that runs at a moment. No record names its build."""
        parties = [r.atomic for r in self.requests if _BUILD.match(r.path) and within(r.window, at)]
        if not parties:  # buildx uses gRPC, and no record says when its connection ended
            running = self.during(at)
            parties = [r.atomic for r in self.requests if r.path == "/grpc" and r.sent <= at and r.atomic == running]
        if parties and not self.all_gated:
            parties.append(BACKGROUND)
        return one_of(parties) or self._unnoted(at)

    def of_request(self, method: str, uri: str, at: float, moments: Collection[float] = ()) -> str:
        """The slice of a request in the daemon's log."""
        reads = method in _READS  # Livefire reads from the daemon past the gateways
        whose = self.one_of(self._by_call.get((method, uri), []), at, () if reads else moments)
        return whose or (BACKGROUND if reads else self._unnoted(at))

    def of_image(self, image: str, at: float, moments: Collection[float] = ()) -> str:
        """The slice of an image event: the sender of the request for that image, else of any that changes images.

        When an image loses a name or is saved, its events have only its id, and one request may give several.
        """
        requests = [request for request in self.requests if request.image and request.image == image]
        may_have = self._of_images if image.startswith("sha256:") else ()
        return self.one_of(requests, at, moments) or self.one_of(may_have, at, ()) or self._unnoted(at)

    def of_kind(self, kind: str, at: float, moments: Collection[float] = ()) -> str:
        """The slice of any other event, such as of a network: the sender of a request for that kind of object."""
        requests = [r for r in self.requests if r.method not in _READS and _kind(r.path) == kind]
        return self.one_of(requests, at, moments) or self._unnoted(at)

    def of_files(self, action: str, container_id: str, name: str, at: float, moments: Collection[float] = ()) -> str:
        """The slice of an event that files were copied from or to a container: the sender of the request."""
        requests = []
        for request in self.requests:
            match = _FILES.search(request.path) if request.method == FILE_ACTIONS[action] else None
            if match is not None and (container_id.startswith(match[1]) or match[1] == name):
                requests.append(request)
        return self.one_of(requests, at, moments) or self._unnoted(at)

    def _unnoted(self, at: float) -> str:
        """The slice of what no noted request explains."""
        return self.unknown(at) or BACKGROUND


def _changes_images(request: DockerRequest) -> bool:
    """Whether a request may make, name, remove or save an image (Docker Engine API, Image, ImageBuild, ImageCommit)."""
    if request.method in _READS:
        return bool(_SAVE.match(request.path))
    return _kind(request.path) in ("image", "build", "commit", "grpc", "session")


def _kind(path: str) -> str | None:
    """The type of the events that a request leads to: `network` for `/networks/create`."""
    match = _COLLECTION.match(path)
    return match[1].removesuffix("s") if match else None


def _mounts(host: dict[str, Any]) -> list[dict[str, Any]]:
    """The requested mounts, in the form of an inspect (Docker Engine API: HostConfig.Binds and Mounts, MountPoint)."""
    mounts = []
    for bind in _list(host.get("Binds")):
        source, _, target_and_options = str(bind).partition(":")
        target, _, options = target_and_options.partition(":")
        if source.startswith("/"):  # otherwise it is the name of a volume, and only the daemon knows its path
            mounts.append({"Source": source, "Destination": target, "RW": "ro" not in options.split(",")})
    for mount in _list(host.get("Mounts")):
        if isinstance(mount, dict) and mount.get("Type") == "bind":
            writable = not mount.get("ReadOnly")
            mounts.append({"Source": mount.get("Source"), "Destination": mount.get("Target"), "RW": writable})
    return mounts


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
