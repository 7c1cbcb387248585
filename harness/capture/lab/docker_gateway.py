"""A forwarding socket for one atomic, so that what it asks of the Docker daemon is known to be its own.

A marker in the command line would change the very thing that is being tested, and so would a container name.
The atomic's DOCKER_HOST is this socket instead. It forwards each request unchanged and notes its method, path,
times, the peer's pid and which container or image came of it: HTTP/1.1 (RFC 9112), and the upgrade to a raw stream
by which attach and exec work (Docker Engine API, ContainerAttach). Before a daemon that isn't ours stands a guard
(docker_guard.py): there, what was not made for us is not changed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from select import poll, select
from typing import Any

from harness.capture.lab.docker_answers import (
    built_containers,
    configuration,
    is_creation,
    made_container,
    made_exec,
    made_image,
    made_service,
    place_of,
    tells_what_was_made,
    unchunk,
)
from harness.capture.lab.docker_guard import DockerGuard
from harness.capture.lab.peer import Peer, peer_of
from harness.capture.ledger import LedgerClosed
from harness.model.manifest import HARNESS

_HEAD_LIMIT = 1 << 20


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
        guard: DockerGuard | None = None,
    ) -> None:
        self.path = path
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
        _shut(self._listener)
        with self._lock:
            for connection in list(self._open):
                _shut(connection)
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
            exchange = _Exchange(_Stream(client), _Stream(daemon), self._guard, self._atomic == HARNESS)
            while exchange.forward(lambda **facts: self._note(peer, **facts)):
                pass
        except (OSError, ValueError, http.client.HTTPException, LedgerClosed):  # hung up, no HTTP, or too late
            pass
        finally:
            with self._lock:
                self._open -= {client, daemon}
                del self._askers[client]
            _shut(client)
            _shut(daemon)

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


class _Stream:
    """A socket that is read by head, by length and by chunk."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._buffer = b""

    @property
    def pending(self) -> bool:
        """Whether something has been received that was not yet asked for."""
        return bool(self._buffer)

    def head(self) -> bytes:
        """Everything up to and including the empty line; b'' at the end of the stream."""
        while b"\r\n\r\n" not in self._buffer:
            data = self.socket.recv(65536)
            if not data or len(self._buffer) > _HEAD_LIMIT:
                return b""
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def line(self) -> bytes:
        while b"\n" not in self._buffer:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("ended within a chunk header")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n"

    def some(self, limit: int) -> bytes:
        """Between one and `limit` bytes; b'' at the end."""
        if not self._buffer:
            self._buffer = self.socket.recv(min(65536, limit))
        data, self._buffer = self._buffer[:limit], self._buffer[limit:]
        return data


class _Exchange:
    """Requests and answers on one connection, one after the other."""

    def __init__(self, client: _Stream, daemon: _Stream, guard: DockerGuard | None, hides: bool) -> None:
        self.client = client
        self.daemon = daemon
        self._guard = guard
        self._hides = hides

    def forward(self, note: Callable[..., None]) -> bool:
        """Forward one request and its answer; returns whether another may follow."""
        if (
            not self.client.pending
            and self.daemon.socket in select([self.client.socket, self.daemon.socket], [], [])[0]
        ):
            return False  # the daemon has hung up between two requests
        head = self.client.head()
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0]
        if not path:
            return False  # the end, or not HTTP
        sent = time.time()
        if self._guard and (refused := self._guard.refusal(method.decode(), path.decode("latin-1"), hides=self._hides)):
            return self._refuse(head, refused, sent, note)
        self.daemon.socket.sendall(head)
        asked = bytearray() if is_creation(method.decode("latin-1"), path.decode("latin-1")) else None
        _copy_body(head, self.client, self.daemon.socket, asked)
        answer = self.daemon.head()
        while answer.startswith(b"HTTP/1.1 1") and not answer.startswith(b"HTTP/1.1 101"):
            self.client.socket.sendall(answer)  # an interim answer, such as 100 Continue
            answer = self.daemon.head()
        if not answer:
            return False
        status = int(answer.split(b" ", 2)[1])
        name, place = method.decode("latin-1"), path.decode("latin-1")
        facts = {"sent": sent, "method": name, "path": place, "status": status}
        makes = tells_what_was_made(name, place)
        if self._guard and self._holds_back(name, place):
            return self._pass_whole(head, answer, facts, note, _content(head, asked))
        if self._guard and method == b"DELETE" and status < 300:
            self._guard.was_removed(place)
        if not makes:  # what makes something is noted with its body, all others when they begin to answer
            note(**facts, body=b"")
        self.client.socket.sendall(answer)
        if status == 101 or b"application/vnd.docker.raw-stream" in answer.lower():
            self._splice()
            return False
        if method == b"HEAD" or status in (204, 304):
            return True
        body = bytearray() if makes else None
        try:
            return _copy_body(answer, self.daemon, self.client.socket, body, True)
        finally:
            if body is not None:
                chunked = b"chunked" in _header(answer, b"Transfer-Encoding").lower()
                content = unchunk(bytes(body)) if chunked else bytes(body)
                note(**facts, body=content, asked=_content(head, asked))

    def _refuse(self, head: bytes, refused: tuple[int, str], sent: float, note: Callable[..., None]) -> bool:
        """Answer as the daemon does: an object with a message."""
        status, message = refused
        method, path = (part.decode("latin-1") for part in head.split(b" ", 2)[:2])
        _copy_body(head, self.client, _Held())
        note(sent=sent, method=method, path=path, status=status, body=b"")
        body = b"" if method == "HEAD" else json.dumps({"message": message}).encode()
        self.client.socket.sendall(_answer(status, body))
        return True

    def _holds_back(self, method: str, path: str) -> bool:
        """Whether an answer is passed on only when it is whole: it tells what was made, or what there is."""
        place = place_of(path)
        made = method == "POST" and place in ("/containers/create", "/networks/create", "/volumes/create")
        return made or (self._hides and method == "GET" and place == "/containers/json")

    def _pass_whole(
        self, head: bytes, answer: bytes, facts: dict[str, Any], note: Callable[..., None], asked: bytes
    ) -> bool:
        """So that what was made is written down before anybody knows of it, and others' containers are left out."""
        assert self._guard is not None
        held = _Held()
        again = _copy_body(answer, self.daemon, held, answer=True)
        body = _content(answer, held.data)
        self._guard.takes_note(facts["path"], facts["status"], body)
        note(**facts, body=body, asked=asked)
        if facts["method"] == "GET" and facts["status"] == 200:
            body = self._guard.visible(body)
        self.client.socket.sendall(_answer(facts["status"], body))
        return again

    def _splice(self) -> None:
        """Both directions at once, until both are closed."""
        back = threading.Thread(target=_pump, args=(self.daemon, self.client.socket), daemon=True)
        back.start()
        _pump(self.client, self.daemon.socket)
        back.join()


def _content(head: bytes, body: bytearray | None) -> bytes:
    """What was sent, without the chunks that it may have come in."""
    if body is None:
        return b""
    return unchunk(bytes(body)) if b"chunked" in _header(head, b"Transfer-Encoding").lower() else bytes(body)


class _Held:
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.data = bytearray()

    def sendall(self, data: bytes) -> None:
        self.data.extend(data)


def _answer(status: int, body: bytes) -> bytes:
    """An answer with a body in JSON (RFC 9112)."""
    reason = http.client.responses.get(status, "")
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _header(head: bytes, name: bytes) -> bytes:
    match = re.search(rb"(?im)^" + re.escape(name) + rb":\s*(.*?)\s*$", head)
    return match[1] if match else b""


def _copy_body(
    head: bytes, source: _Stream, target: socket.socket | _Held, copy: bytearray | None = None, answer: bool = False
) -> bool:
    """Forward the body that `head` announces; returns whether the connection can be used again."""

    def pass_on(data: bytes) -> None:
        target.sendall(data)
        if copy is not None:
            copy.extend(data)

    if b"chunked" in _header(head, b"Transfer-Encoding").lower():
        while True:
            line = source.line()
            pass_on(line)
            size = int(line.split(b";")[0], 16)
            left = size + 2 if size else 0
            while left:
                data = source.some(left)
                if not data:
                    return False
                pass_on(data)
                left -= len(data)
            if not size:
                while (trailer := source.line()).strip():
                    pass_on(trailer)
                pass_on(trailer)
                return True
    length = _header(head, b"Content-Length")
    left = int(length) if length else (-1 if answer else 0)
    while left:
        data = source.some(left if left > 0 else 65536)
        if not data:
            return False
        pass_on(data)
        left -= len(data) if left > 0 else 0
    return True


def _pump(source: _Stream, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.some(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _has_hung_up(connection: socket.socket) -> bool:
    """Both directions are closed (poll(2)); one alone is no end: an attached client may have nothing more to say."""
    try:
        poller = poll()
        poller.register(connection, 0)
        return bool(poller.poll(0))
    except (OSError, ValueError):  # closed on our side
        return True


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
