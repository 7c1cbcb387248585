"""HTTP/1.1 as a gateway forwards it (RFC 9112): heads, bodies by length and by chunk, raw streams."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket

from harness.sensors.docker.daemon_answers import unchunk

_HEAD_LIMIT = 1 << 20


class Stream:
    """A socket that is read by head, by length and by chunk."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._buffer = b""

    @property
    def pending(self) -> bool:
        """Whether bytes were received that nobody has read yet."""
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
        """Up to and including the next end of a line. Raises ConnectionError where the stream ends first."""
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


def content(head: bytes, body: bytearray | None) -> bytes:
    """The content of a body, without chunk headers."""
    if body is None:
        return b""
    return unchunk(bytes(body)) if b"chunked" in header(head, b"Transfer-Encoding").lower() else bytes(body)


class Held:
    """In place of a socket: keeps what is sent to it."""

    def __init__(self) -> None:
        self.data = bytearray()

    def sendall(self, data: bytes) -> None:
        self.data.extend(data)


def answer_of(status: int, body: bytes) -> bytes:
    """An answer with a body in JSON (RFC 9112)."""
    reason = http.client.responses.get(status, "")
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header field; empty where there is none."""
    match = re.search(rb"(?im)^" + re.escape(name) + rb":\s*(.*?)\s*$", head)
    return match[1] if match else b""


def copy_body(
    head: bytes, source: Stream, target: socket.socket | Held, copy: bytearray | None = None, answer: bool = False
) -> bool:
    """Forward the body that `head` announces; returns whether the connection can be used again."""

    def pass_on(data: bytes) -> None:
        target.sendall(data)
        if copy is not None:
            copy.extend(data)

    if b"chunked" in header(head, b"Transfer-Encoding").lower():
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
    length = header(head, b"Content-Length")
    left = int(length) if length else (-1 if answer else 0)
    while left:
        data = source.some(left if left > 0 else 65536)
        if not data:
            return False
        pass_on(data)
        left -= len(data) if left > 0 else 0
    return True


def pump(source: Stream, target: socket.socket) -> None:
    """Pass bytes on until the source ends, then end the target's direction."""
    with contextlib.suppress(OSError):
        while data := source.some(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def shut(connection: socket.socket) -> None:
    """Close a connection in both directions."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
