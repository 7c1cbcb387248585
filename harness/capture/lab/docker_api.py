"""A client for the Docker daemon on a Unix socket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import docker


@contextlib.contextmanager
def docker_client(socket: Path, timeout: float = 30) -> Iterator[docker.DockerClient]:
    """A client with the daemon's own API version, closed at the end. Raises docker.errors.DockerException."""
    client = docker.DockerClient(base_url=f"unix://{socket}", version="auto", timeout=timeout)  # type: ignore[arg-type]
    try:
        yield client
    finally:
        client.close()
