"""Requests and answers on one connection of a gateway, and what is noted of them."""

from __future__ import annotations

import json
import re
import threading
from select import select
from typing import Any, Protocol

from harness.sensors.docker.asked import Asked, reads_body
from harness.sensors.docker.daemon_answers import place_of, tells_an_id, tells_what_was_made
from harness.sensors.docker.gateway_http import Held, Stream, answer_of, content, copy_body, header, pump
from harness.sensors.docker.guard import DockerGuard
from harness.sensors.docker.made import DockerMade

_BARE = re.compile(rb"(?<!\r)\n")


class _CutOff(ConnectionError):
    """A request ended before its body did. The daemon does nothing with it, and would wait for the body for ever."""


class Talk(Protocol):
    """Receives the steps of each request on a connection."""

    def begin(self, method: str, path: str) -> float:
        """The request is about to be passed on; returns the time. Raises where it must not be passed on."""

    def passes(self, *, complete: bool) -> None:
        """The daemon gets the request; with `complete`, it has got all of it."""

    def note(self, *, sent: float, method: str, path: str, status: int, body: bytes, request_body: bytes = b"") -> None:
        """The request was answered, or refused."""


class Exchange:
    """Requests and answers on one connection, one after the other."""

    def __init__(
        self, client: Stream, daemon: Stream, made: DockerMade | None, guard: DockerGuard | None, hides: bool
    ) -> None:
        self.client = client
        self.daemon = daemon
        self._made = made
        self._guard = guard
        self._hides = hides

    def forward(self, talk: Talk) -> bool:
        """Forward one request and its answer; returns whether another may follow."""
        if self._daemon_hung_up():
            return False
        head = self.client.head()
        method, _, tail = head.partition(b" ")
        path = tail.partition(b" ")[0]
        if not path or _BARE.search(head):  # at a bare line feed the daemon would see two requests in one
            return False  # the end, or not HTTP
        name, place = method.decode("latin-1"), path.decode("latin-1")
        sent, note = talk.begin(name, place), talk.note
        held = self._hold(head, name, place)
        known = content(head, held.data) if held else b""
        if self._guard and (refused := self._guard.refusal(head, known, hides=self._hides)):
            if not held:
                copy_body(head, self.client, Held())
            return self._refuse(name, place, refused, sent, talk)
        asked, body = self._pass_request(head, held, name, place, talk)
        talk.passes(complete=True)
        answer = self._answer()
        if not answer:
            return False
        status = int(answer.split(b" ", 2)[1])
        facts: dict[str, Any] = {"sent": sent, "method": name, "path": place, "status": status}
        makes = tells_what_was_made(name, place)
        if (asked and asked.is_held_back) or tells_an_id(name, place) or self._is_cut(name, place):
            return self._pass_whole(answer, facts, talk, asked, body)
        if self._made and name == "DELETE" and status < 300:
            self._made.removed(place)
        if not makes:  # a request that makes something is noted with its answer's body, others when the answer begins
            note(**facts, body=b"")
            self.client.socket.sendall(answer)
        if status == 101 or _is_raw(answer):
            self._splice()
            return False
        if name == "HEAD" or status in (204, 304):
            return True
        return self._stream(answer, facts, talk if makes else None, asked, body)

    def _daemon_hung_up(self) -> bool:
        """Whether the daemon closed the connection between two requests. Waits for the next request."""
        sockets = [self.client.socket, self.daemon.socket]
        return not self.client.pending and self.daemon.socket in select(sockets, [], [])[0]

    def _hold(self, head: bytes, method: str, path: str) -> Held | None:
        """The body of a request, where the guard or the ledger needs it; else None."""
        if not reads_body(method, path):
            return None
        held = Held()
        if not copy_body(head, self.client, held):
            raise _CutOff
        return held

    def _pass_request(
        self, head: bytes, held: Held | None, method: str, path: str, talk: Talk
    ) -> tuple[Asked | None, bytes]:
        """Pass a request on; returns what it makes, and its body where that was held."""
        known = content(head, held.data) if held else b""
        asked = self._made.before(method, path, known) if self._made else None
        talk.passes(complete=False)
        self.daemon.socket.sendall(head + (held.data if held else b""))
        if not held and not copy_body(head, self.client, self.daemon.socket):
            raise _CutOff
        return asked, known

    def _answer(self) -> bytes:
        """The head of the answer. The heads of interim answers, such as 100 Continue, are passed on."""
        answer = self.daemon.head()
        while answer.startswith(b"HTTP/1.1 1") and not answer.startswith(b"HTTP/1.1 101"):
            self.client.socket.sendall(answer)
            answer = self.daemon.head()
        return answer

    def _stream(
        self,
        answer: bytes,
        facts: dict[str, Any],
        talk: Talk | None,
        asked: Asked | None,
        request: bytes,
    ) -> bool:
        """Pass the body of an answer on as it comes; what it names as made is in the ledger when this returns."""
        listened = self._made if asked and asked.is_listened_to else None
        body = bytearray() if talk or listened else None
        try:
            if talk:
                self.client.socket.sendall(answer)
            return copy_body(answer, self.daemon, self.client.socket, body, True)
        finally:
            plain = content(answer, body)
            if listened and asked:
                listened.after(asked, facts["status"], plain)
            if talk:
                talk.note(**facts, body=plain, request_body=request)

    def _refuse(self, method: str, path: str, refused: tuple[int, str], sent: float, talk: Talk) -> bool:
        """Answer as the daemon does: an object with a message."""
        status, message = refused
        talk.note(sent=sent, method=method, path=path, status=status, body=b"")
        body = b"" if method == "HEAD" else json.dumps({"message": message}).encode()
        self.client.socket.sendall(answer_of(status, body))
        return True

    def _is_cut(self, method: str, path: str) -> bool:
        """Whether the answer is filtered, so that it has no containers of others."""
        return bool(self._guard and self._hides and method == "GET" and place_of(path) == "/containers/json")

    def _pass_whole(
        self, answer: bytes, facts: dict[str, Any], talk: Talk, asked: Asked | None, request: bytes
    ) -> bool:
        """Pass an answer on when it is complete, after what it made is in the ledger, without others' containers."""
        held = Held()
        again = copy_body(answer, self.daemon, held, answer=True)
        body = content(answer, held.data)
        passed = answer + held.data
        if self._made and asked:
            self._made.after(asked, facts["status"], body)
        talk.note(**facts, body=body, request_body=request)
        if self._guard and facts["method"] == "GET" and facts["status"] == 200:
            passed = answer_of(200, self._guard.visible(body))
        self.client.socket.sendall(passed)
        return again

    def _splice(self) -> None:
        """Pass on both directions at once, until both are closed."""
        back = threading.Thread(target=pump, args=(self.daemon, self.client.socket), daemon=True)
        back.start()
        pump(self.client, self.daemon.socket)
        back.join()


def _is_raw(answer: bytes) -> bool:
    """Whether the connection is a raw stream from now on, without an upgrade (ContainerAttach).

    Logs have the same type, but a length or chunks, so another request may follow them.
    """
    framed = header(answer, b"Transfer-Encoding") or header(answer, b"Content-Length")
    return not framed and b"application/vnd.docker.raw-stream" in answer.lower()
