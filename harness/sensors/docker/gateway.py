"""A forwarding socket for one atomic, so that each request to the Docker daemon is known to be the atomic's.

A marker in the command line, or a container name, would change what is being tested. Instead, the atomic's DOCKER_HOST
is this socket. It forwards each request unchanged, and notes its method, path, times, the peer's pid and which
container or image it made: HTTP/1.1 (RFC 9112), and the upgrade to a raw stream by which attach and exec work (Docker
Engine API, ContainerAttach). Before a daemon that isn't ours stands a guard (guard.py), which refuses to change what
was not made for us.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
import time
from pathlib import Path
from select import poll

from harness.errors import first_line
from harness.host.ledger import LedgerClosed
from harness.host.undo import make_way
from harness.model.manifest import HARNESS
from harness.sensors.docker.asked import makes
from harness.sensors.docker.connections import Connections, Ended
from harness.sensors.docker.daemon_answers import (
    built_containers,
    configuration,
    made_container,
    made_exec,
    made_image,
    made_service,
    place_of,
)
from harness.sensors.docker.exchange import Exchange
from harness.sensors.docker.gateway_http import Stream
from harness.sensors.docker.guard import DockerGuard
from harness.sensors.docker.made import DockerMade
from harness.sensors.docker.peer import Peer, peer_of
from harness.sensors.docker.request_log import ApiRequest, RequestLog

_ENDING = 5.0


class DockerGateway:
    """Listens while it is used as a context manager. Each request is noted in `log`, and each failure to do so.

    After its end nothing is passed on and nothing is noted.
    """

    def __init__(
        self,
        atomic: str,
        path: Path,
        daemon: Path,
        log: RequestLog,
        made: DockerMade | None = None,
        guard: DockerGuard | None = None,
    ) -> None:
        self.path = path
        self._made = made
        self._guard = guard
        self._atomic = atomic
        self._daemon = daemon
        self._log = log
        self._listener = socket.socket(socket.AF_UNIX)
        self._connections = Connections(self._serve)
        self._askers: dict[socket.socket, int] = {}
        self._lock = threading.Lock()
        self._noting = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._accept, name="docker-gateway", daemon=True)

    def __enter__(self) -> DockerGateway:
        make_way(self.path)
        self._listener.bind(str(self.path))
        self.path.chmod(0o600)
        self._listener.listen(64)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connections.close()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        ended = self._connections.end()
        self._thread.join(timeout=_ENDING)
        self._listener.close()
        with contextlib.suppress(OSError):  # else it is removed with its folder
            make_way(self.path)
        if not ended or self._thread.is_alive():
            self.tell("a connection to the Docker daemon could not be closed: what it made may be left")
        with self._noting:
            self._closed = True

    def in_use(self) -> bool:
        """Whether a process other than this one has an open connection."""
        with self._lock:
            clients = [client for client, pid in self._askers.items() if pid != os.getpid()]
        return any(not _has_hung_up(client) for client in clients)

    def tell(self, problem: str) -> None:
        """Report a problem to the log."""
        self._log.tell(f"{self._atomic}: {problem}")

    def note(self, request: ApiRequest) -> None:
        """Note a request in the log, unless this gateway has ended."""
        with self._noting:
            if not self._closed:
                self._log.note(request)

    def _accept(self) -> None:
        while True:
            try:
                self._connections.add(self._listener.accept()[0])
            except (OSError, RuntimeError) as error:  # closed, or out of files or threads
                if not self._connections.ended:
                    self.tell(f"the gateway accepts no more connections: {first_line(error)}")
                return

    def _serve(self, client: socket.socket) -> None:
        peer = peer_of(client)
        with self._lock:
            self._askers[client] = peer.pid
        talk = _Talk(self, self._connections, client, self._atomic, peer)
        daemon = socket.socket(socket.AF_UNIX)
        try:
            self._connections.join(client, daemon)
            daemon.connect(str(self._daemon))
            exchange = Exchange(Stream(client), Stream(daemon), self._made, self._guard, self._atomic == HARNESS)
            while exchange.forward(talk):
                pass
        except (OSError, ValueError, http.client.HTTPException, LedgerClosed, Ended):  # closed, no HTTP, or too late
            pass
        except Exception as error:  # such as a ledger that can't be written
            self.tell(f"{talk.open_request}: {first_line(error)}")
        finally:
            talk.end()
            with self._lock:
                del self._askers[client]
            daemon.close()


class _Talk:
    """The requests on one connection, one after the other. Each that was passed on is noted once."""

    def __init__(
        self, gateway: DockerGateway, connections: Connections, client: socket.socket, atomic: str, peer: Peer
    ) -> None:
        self._gateway = gateway
        self._connections = connections
        self._client = client
        self._atomic = atomic
        self._peer = peer
        self._open: tuple[str, str, float] | None = None
        self._passes = self._complete = False

    @property
    def open_request(self) -> str:
        """The request that is not answered yet, for people."""
        return f"{self._open[0]} {place_of(self._open[1])}" if self._open else "a request"

    def begin(self, method: str, path: str) -> float:
        """A request is about to be passed on; returns the time. Raises Ended where it must not be passed on."""
        self._connections.begin(self._client, method)
        self._passes = self._complete = False
        self._open = method, path, time.time()
        return self._open[2]

    def passes(self, *, complete: bool) -> None:
        """The daemon gets the request; with `complete`, it has got all of it, and acts on it."""
        self._passes, self._complete = True, complete

    def end(self) -> None:
        """The connection has ended: note a request that the daemon got and did not answer."""
        if self._open and self._passes:
            method, path, sent = self._open
            if self._complete and makes(method, path):
                self._gateway.tell(f"{self.open_request} was not answered: what it made is not known")
            self.note(sent=sent, method=method, path=path, status=0, body=b"")

    def note(self, *, sent: float, method: str, path: str, status: int, body: bytes, request_body: bytes = b"") -> None:
        """Note a request and its answer."""
        container = made_container(path, status, body)
        request = ApiRequest(
            atomic=self._atomic,
            pid=self._peer.pid,
            sent=sent,
            answered=time.time(),
            method=method,
            path=path,
            status=status,
            container_id=container,
            exec_id=made_exec(path, status, body),
            image=made_image(path, status, body),
            config=configuration(request_body) if container else None,
            service_id=made_service(path, status, body),
            built=built_containers(path, status, body),
            peer=self._peer,
            body_bytes=len(request_body) if container else None,
        )
        self._open = None
        self._gateway.note(request)
        self._connections.done(self._client)


def _has_hung_up(connection: socket.socket) -> bool:
    """Both directions are closed (poll(2)). An attached client may close one direction and go on reading."""
    try:
        poller = poll()
        poller.register(connection, 0)
        return bool(poller.poll(0))
    except (OSError, ValueError):  # closed on our side
        return True
