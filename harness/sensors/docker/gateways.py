"""The gateways before the Docker daemon of one capture."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from harness.errors import LivefireError
from harness.host.kinds import Whose
from harness.host.owned_folders import OwnedFolder
from harness.lab.docker.docker_front import aside, moved_socket
from harness.lab.docker.docker_host import DockerHost
from harness.lab.docker.docker_reach import HARNESS_SOCKET
from harness.lab.docker.image import put_image_back
from harness.model.manifest import BACKGROUND
from harness.sensors.docker.gateway import DockerGateway
from harness.sensors.docker.guard import DockerGuard
from harness.sensors.docker.made import DockerMade
from harness.sensors.docker.request_log import RequestLog


class DockerGateways:
    """`daemon` is the socket on which the daemon itself listens, `harness` the gateway for what Livefire asks."""

    def __init__(self, host: DockerHost, owned: OwnedFolder, requests: RequestLog) -> None:
        self.daemon = host.socket
        self.harness = owned.path / HARNESS_SOCKET
        self._host = host
        self._owned = owned
        self._requests = requests
        self._made = DockerMade(host.socket, owned.ledger)
        self._guard = None if host.owned else DockerGuard(host.socket, self._made)
        self._open: list[DockerGateway] = []

    @contextlib.contextmanager
    def front(self) -> Iterator[None]:
        """Put a gateway in place of the daemon's own socket, too, so that requests past an atomic's gateway are noted.

        Only before a daemon of ours: another's socket is not ours to move, so requests to it are not noted.
        """
        if not self._host.owned:
            yield
            return
        place = self._host.socket
        own = aside(place, self._owned.id)
        self._owned.ledger.add("moved_socket", path=str(place))
        place.rename(own)
        self.daemon = own
        try:
            with self._listening(DockerGateway(BACKGROUND, place, own, self._requests)):
                yield
        finally:
            with contextlib.suppress(LivefireError, OSError):  # the ledger still names it, and the recording is kept
                moved_socket(Whose(self._owned.id, self._owned.path), str(place))

    @contextlib.contextmanager
    def gateway(self, whose: str, path: Path) -> Iterator[Path]:
        """Serve the socket `path`, through which an atomic or the harness reaches the daemon."""
        with self._listening(DockerGateway(whose, path, self.daemon, self._requests, self._made, self._guard)):
            yield path

    def in_use(self) -> bool:
        """Whether a process other than this one has an open connection to a gateway."""
        return any(gateway.in_use() for gateway in list(self._open))

    def put_back(self, atomic: str) -> None:
        """Undo what an atomic made through its gateway, and put back the lab's image where the atomic removed it."""
        for problem in self._made.put_back():  # tried again after the next atomic, and at the end
            self._requests.tell(f"{atomic}: {problem}")
        if self._host.owned:  # on another's daemon the guard refuses to remove it
            put_image_back(self._host.socket)

    @contextlib.contextmanager
    def _listening(self, gateway: DockerGateway) -> Iterator[None]:
        with gateway:
            self._open.append(gateway)
            try:
                yield
            finally:
                self._open.remove(gateway)
