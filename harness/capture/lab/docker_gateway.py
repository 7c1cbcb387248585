"""A forwarding socket for one atomic, so that what it asks of the Docker daemon is known to be its own.

A marker in the command line would change the very thing that is being tested, and so would a container name.
The atomic's DOCKER_HOST is this socket instead. It forwards each request unchanged and notes its method, path,
times, the peer's pid and, for a container that was created, the id: HTTP/1.1 (RFC 9112), and the upgrade to a
raw stream by which attach and exec work (Docker Engine API, ContainerAttach).
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from select import select

# The answers that name something new: a container, a process to be executed in one (ContainerCreate, ContainerExec).
_CREATE = re.compile(r"^(/v[\d.]+)?/containers/create(\?|$)")
_EXEC = re.compile(r"^(/v[\d.]+)?/containers/[^/]+/exec(\?|$)")
_HEAD_LIMIT = 1 << 20


@dataclass(frozen=True)
class ApiRequest:
    """One request to the daemon. Times are seconds since the epoch.

    `container_id` is that of a new container, `exec_id` that of a process to be executed in one.
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

    def line(self) -> str:
        """As it stands in the recording."""
        return json.dumps(asdict(self))


class DockerGateway:
    """Listens while it is used as a context manager; `record` is called for each request that was answered."""

    def __init__(self, atomic: str, path: Path, daemon: Path, record: Callable[[ApiRequest], None]) -> None:
        self.path = path
        self._atomic = atomic
        self._daemon = daemon
        self._record = record
        self._listener = socket.socket(socket.AF_UNIX)
        self._open: set[socket.socket] = set()
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

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        daemon = socket.socket(socket.AF_UNIX)
        with self._lock:
            self._open |= {client, daemon}
        try:
            daemon.connect(str(self._daemon))
            # struct ucred of SO_PEERCRED, unix(7)
            pid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            exchange = _Exchange(_Stream(client), _Stream(daemon))
            while exchange.forward(lambda **facts: self._note(pid, **facts)):
                pass
        except (OSError, ValueError):  # either side hung up, or does not speak HTTP: so does the other
            pass
        finally:
            with self._lock:
                self._open -= {client, daemon}
            _shut(client)
            _shut(daemon)

    def _note(self, pid: int, *, sent: float, method: str, path: str, status: int, body: bytes) -> None:
        new = None
        if status == 201 and _names_new(method, path):
            with contextlib.suppress(ValueError):
                new = json.loads(body)["Id"]
        container, executed = (new, None) if _CREATE.match(path) else (None, new)
        self._record(ApiRequest(self._atomic, pid, sent, time.time(), method, path, status, container, executed))


def _names_new(method: str, path: str) -> bool:
    """Whether the answer to a request has the id of something new."""
    return method == "POST" and bool(_CREATE.match(path) or _EXEC.match(path))


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

    def __init__(self, client: _Stream, daemon: _Stream) -> None:
        self.client = client
        self.daemon = daemon

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
        self.daemon.socket.sendall(head)
        _copy_body(head, self.client, self.daemon.socket)
        answer = self.daemon.head()
        while answer.startswith(b"HTTP/1.1 1") and not answer.startswith(b"HTTP/1.1 101"):
            self.client.socket.sendall(answer)  # an interim answer, such as 100 Continue
            answer = self.daemon.head()
        if not answer:
            return False
        status = int(answer.split(b" ", 2)[1])
        names_new = _names_new(method.decode("latin-1"), path.decode("latin-1"))
        facts = {"sent": sent, "method": method.decode("latin-1"), "path": path.decode("latin-1"), "status": status}
        if not names_new:  # what names something new is noted with its body, all others when they begin to answer
            note(**facts, body=b"")
        self.client.socket.sendall(answer)
        if status == 101 or b"application/vnd.docker.raw-stream" in answer.lower():
            self._splice()
            return False
        body = bytearray() if names_new else None
        more = (
            method == b"HEAD" or status in (204, 304) or _copy_body(answer, self.daemon, self.client.socket, body, True)
        )
        if names_new:
            note(**facts, body=_unchunk(answer, bytes(body or b"")))
        return more

    def _splice(self) -> None:
        """Both directions at once, until both are closed."""
        back = threading.Thread(target=_pump, args=(self.daemon, self.client.socket), daemon=True)
        back.start()
        _pump(self.client, self.daemon.socket)
        back.join()


def _header(head: bytes, name: bytes) -> bytes:
    match = re.search(rb"(?im)^" + re.escape(name) + rb":\s*(.*?)\s*$", head)
    return match[1] if match else b""


def _copy_body(
    head: bytes, source: _Stream, target: socket.socket, copy: bytearray | None = None, answer: bool = False
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


def _unchunk(head: bytes, body: bytes) -> bytes:
    if b"chunked" not in _header(head, b"Transfer-Encoding").lower():
        return body
    return b"".join(body.split(b"\r\n")[1::2])


def _pump(source: _Stream, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.some(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
