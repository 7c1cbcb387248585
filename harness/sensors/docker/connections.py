"""The connections of a gateway: each in a thread of its own, all of them ended when the gateway is.

What was passed on has to be noted, and what it made written down. So a request that is under way gets a little time to
be answered; after that nothing passes any more, in neither direction.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from harness.sensors.docker.gateway_http import shut

_ANSWERING = 2.0  # seconds that a request which may change something has to be answered in
_ENDING = 5.0  # seconds that all threads have to end in
_READS = ("GET", "HEAD")


class Ended(Exception):
    """The gateway has ended: nothing is passed on."""


class Connections:
    """`serve` is called with each client, in a thread of its own, and returns when that has been served."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._ended = False
        self._open: dict[socket.socket, socket.socket | None] = {}  # the daemon's side of each
        self._asked: dict[socket.socket, str] = {}  # by the client: the method of what is not answered yet
        self._threads: set[threading.Thread] = set()
        self._change = threading.Condition()

    @property
    def ended(self) -> bool:
        """Whether nothing is passed on any more."""
        return self._ended

    def add(self, client: socket.socket) -> None:
        """Serve a client. One that comes too late is hung up on. Raises RuntimeError where no thread can be had."""
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
        """The daemon's side of a connection is there. Raises Ended."""
        with self._change:
            if self._ended:
                raise Ended
            self._open[client] = daemon

    def begin(self, client: socket.socket, method: str) -> None:
        """A request is about to be passed on. Raises Ended."""
        with self._change:
            if self._ended:
                raise Ended
            self._asked[client] = method

    def done(self, client: socket.socket) -> None:
        """What was asked has been answered, and noted."""
        with self._change:
            self._asked.pop(client, None)
            self._change.notify_all()

    def close(self) -> None:
        """From now on no request is passed on."""
        with self._change:
            self._ended = True

    def end(self) -> bool:
        """Close, let what is under way be answered, hang up on all, wait for the threads; whether all of them ended."""
        self.close()
        with self._change:
            self._change.wait_for(lambda: not self._changing(), timeout=_ANSWERING)
            for side in (each for pair in self._open.items() for each in pair if each):
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)  # its thread closes it: until then nobody else gets its number
            threads = set(self._threads)
        deadline = time.monotonic() + _ENDING
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _changing(self) -> bool:
        return any(method not in _READS for method in self._asked.values())

    def _run(self, client: socket.socket) -> None:
        try:
            self._serve(client)
        finally:
            with self._change:
                daemon = self._open.pop(client, None)
                self._asked.pop(client, None)
                self._threads.discard(threading.current_thread())
                self._change.notify_all()
            for side in (client, daemon):
                if side:
                    shut(side)
