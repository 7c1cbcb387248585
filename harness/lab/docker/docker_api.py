"""Requests to the Docker daemon on a Unix socket: by the library's client, and single ones."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker


@contextlib.contextmanager
def docker_client(socket: Path, timeout: float = 30) -> Iterator[docker.DockerClient]:
    """A client with the daemon's own API version, closed at the end. Raises docker.errors.DockerException."""
    client = docker.DockerClient(base_url=f"unix://{socket}", version="auto", timeout=timeout)  # type: ignore[arg-type]
    try:
        yield client
    finally:
        client.close()


class UnixConnection(http.client.HTTPConnection):
    """HTTP on a Unix socket. Without a version in the path, the daemon uses its newest (Docker Engine API)."""

    def __init__(self, path: Path, timeout: float = 30) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(
    daemon: Path, place: str, *, method: str = "GET", body: dict[str, Any] | None = None, timeout: float = 30
) -> tuple[int, Any]:
    """The status and the JSON of an answer, None where there is none. Raises OSError or http.client.HTTPException."""
    connection = UnixConnection(daemon, timeout)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, place, text, {"Content-Type": "application/json"} if text else {})
        answer = connection.getresponse()
        content = answer.read()
        try:
            return answer.status, json.loads(content)
        except ValueError:
            return answer.status, None
    finally:
        connection.close()
