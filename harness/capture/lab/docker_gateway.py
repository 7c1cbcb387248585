"""A forwarding socket for one atomic, so that what it asks of the Docker daemon is known to be its own.

A marker in the command line would change the very thing that is being tested, and so would a container name.
The atomic's DOCKER_HOST is this socket instead. It forwards each request unchanged and notes its method, path,
times, the peer's pid and which container or image came of it: HTTP/1.1 (RFC 9112), and the upgrade to a raw stream
by which attach and exec work (Docker Engine API, ContainerAttach). Before a daemon that isn't ours stands a guard
(docker_guard.py): there, what was not made for us is not changed.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from select import poll
from typing import Any

from harness.capture.lab.docker_answers import (
    built_containers,
    configuration,
    made_container,
    made_exec,
    made_image,
    made_service,
)
from harness.capture.lab.docker_exchange import Exchange
from harness.capture.lab.docker_guard import DockerGuard
from harness.capture.lab.docker_http import Stream, shut
from harness.capture.lab.docker_made import DockerMade
from harness.capture.lab.peer import Peer, peer_of
from harness.capture.ledger import LedgerClosed
from harness.model.manifest import HARNESS


@dataclass(frozen=True)
class ApiRequest:
    """One request to the daemon. Times are seconds since the epoch.

    `container_id` is that of a new container, `exec_id` that of a process to be executed in one; `image` what was
    built, pulled or pushed, as an event would name it. `config` is what was asked for of a new container: it may be
    gone before the daemon can be asked what it was. `service_id` is that of a new service, whose containers the daemon
    makes; `built` are the short ids of those that a build ran. `peer` is the process that asked: whoever it was, on
    whichever socket.
    """

    atomic: str
    pid: int
    sent: float
    answered: float
    method: str
    path: str
    status: int
    container_id: str | None
    exec_id: str | None = None
    image: str | None = None
    config: dict[str, Any] | None = None
    service_id: str | None = None
    built: tuple[str, ...] = ()
    peer: Peer | None = None

    def line(self) -> str:
        """As it stands in the recording."""
        return json.dumps(asdict(self))


class DockerGateway:
    """Listens while it is used as a context manager; `record` is called for each request that was answered."""

    def __init__(
        self,
        atomic: str,
        path: Path,
        daemon: Path,
        record: Callable[[ApiRequest], None],
        made: DockerMade | None = None,
        guard: DockerGuard | None = None,
    ) -> None:
        self.path = path
        self._made = made
        self._guard = guard
        self._atomic = atomic
        self._daemon = daemon
        self._record = record
        self._listener = socket.socket(socket.AF_UNIX)
        self._open: set[socket.socket] = set()
        self._askers: dict[socket.socket, int] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> DockerGateway:
        self._listener.bind(str(self.path))
        self.path.chmod(0o600)
        self._listener.listen(64)
        threading.Thread(target=self._accept, name="docker-gateway", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        shut(self._listener)
        with self._lock:
            for connection in list(self._open):
                shut(connection)
        self.path.unlink(missing_ok=True)

    def in_use(self) -> bool:
        """Whether a process other than this one is connected, and has not hung up."""
        with self._lock:
            others = [client for client, pid in self._askers.items() if pid != os.getpid()]
        return any(not _has_hung_up(client) for client in others)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        daemon = socket.socket(socket.AF_UNIX)
        peer = peer_of(client)
        with self._lock:
            self._open |= {client, daemon}
            self._askers[client] = peer.pid
        try:
            daemon.connect(str(self._daemon))
            exchange = Exchange(Stream(client), Stream(daemon), self._made, self._guard, self._atomic == HARNESS)
            while exchange.forward(lambda **facts: self._note(peer, **facts)):
                pass
        except (OSError, ValueError, http.client.HTTPException, LedgerClosed):  # hung up, no HTTP, or too late
            pass
        finally:
            with self._lock:
                self._open -= {client, daemon}
                del self._askers[client]
            shut(client)
            shut(daemon)

    def _note(
        self, peer: Peer, *, sent: float, method: str, path: str, status: int, body: bytes, asked: bytes = b""
    ) -> None:
        container, executed = made_container(path, status, body), made_exec(path, status, body)
        image, config = made_image(path, status, body), configuration(asked) if container else None
        request = ApiRequest(
            atomic=self._atomic,
            pid=peer.pid,
            sent=sent,
            answered=time.time(),
            method=method,
            path=path,
            status=status,
            container_id=container,
            exec_id=executed,
            image=image,
            config=config,
            service_id=made_service(path, status, body),
            built=built_containers(path, status, body),
            peer=peer,
        )
        self._record(request)


def _has_hung_up(connection: socket.socket) -> bool:
    """Both directions are closed (poll(2)); one alone is no end: an attached client may have nothing more to say."""
    try:
        poller = poll()
        poller.register(connection, 0)
        return bool(poller.poll(0))
    except (OSError, ValueError):  # closed on our side
        return True
