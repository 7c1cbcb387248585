"""The connections of a gateway: each in a thread of its own, all ended with the gateway.

A request that was passed on must be noted, and what it made must be in the ledger. So an open request gets some time
to be answered. After that nothing passes in either direction.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from harness.sensors.docker.gateway_http import shut

_ANSWERING = 2.0  # seconds for the answer to a request that may change something
_ENDING = 5.0  # seconds for all threads to end
_READS = ("GET", "HEAD")


class Ended(Exception):
    """The gateway has ended, so nothing is passed on."""


class Connections:
    """Calls `serve` with each client, in a thread of its own; `serve` returns when the client is served."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._ended = False
        self._open: dict[socket.socket, socket.socket | None] = {}  # the daemon's side of each
        self._methods: dict[socket.socket, str] = {}  # by client: the method of its open request
        self._threads: set[threading.Thread] = set()
        self._change = threading.Condition()

    @property
    def ended(self) -> bool:
        """Whether the gateway has ended."""
        return self._ended

    def add(self, client: socket.socket) -> None:
        """Serve a client; close its connection after the end. Raises RuntimeError where no thread can be started."""
        with self._change:
            if self._ended:
                shut(client)
                return
            thread = threading.Thread(target=self._run, args=(client,), name="docker-gateway client", daemon=True)
            self._open[client] = None
            self._threads.add(thread)
            try:
                thread.start()
            except RuntimeError:
                self._threads.discard(thread)
                del self._open[client]
                shut(client)
                raise

    def join(self, client: socket.socket, daemon: socket.socket) -> None:
        """Add the daemon's side of a client's connection. Raises Ended."""
        with self._change:
            if self._ended:
                raise Ended
            self._open[client] = daemon

    def begin(self, client: socket.socket, method: str) -> None:
        """Note that a request is about to be passed on. Raises Ended."""
        with self._change:
            if self._ended:
                raise Ended
            self._methods[client] = method

    def done(self, client: socket.socket) -> None:
        """Note that the client's request was answered and recorded."""
        with self._change:
            self._methods.pop(client, None)
            self._change.notify_all()

    def close(self) -> None:
        """Pass on no more requests."""
        with self._change:
            self._ended = True

    def end(self) -> bool:
        """Close, wait for open requests, then end all connections; returns whether all threads ended."""
        self.close()
        with self._change:
            self._change.wait_for(lambda: not self._changing(), timeout=_ANSWERING)
            for side in (end for pair in self._open.items() for end in pair if end):
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)  # its thread closes it, so its number is not used again before
            threads = set(self._threads)
        deadline = time.monotonic() + _ENDING
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _changing(self) -> bool:
        return any(method not in _READS for method in self._methods.values())

    def _run(self, client: socket.socket) -> None:
        try:
            self._serve(client)
        finally:
            with self._change:
                daemon = self._open.pop(client, None)
                self._methods.pop(client, None)
                self._threads.discard(threading.current_thread())
                self._change.notify_all()
            for side in (client, daemon):
                if side:
                    shut(side)
