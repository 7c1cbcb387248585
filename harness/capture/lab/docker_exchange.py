"""Requests and answers on one connection of a gateway, and what is noted of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from select import select
from typing import Any

from harness.capture.lab.docker_answers import is_creation, place_of, tells_what_was_made
from harness.capture.lab.docker_guard import DockerGuard
from harness.capture.lab.docker_http import Held, Stream, answer_of, content, copy_body, pump
from harness.capture.lab.docker_made import Asked, DockerMade


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
        name, place = method.decode("latin-1"), path.decode("latin-1")
        if self._guard and (refused := self._guard.refusal(name, place, hides=self._hides)):
            return self._refuse(head, refused, sent, note)
        asked, body = self._pass_request(head, name, place)
        answer = self._answer()
        if not answer:
            return False
        status = int(answer.split(b" ", 2)[1])
        facts = {"sent": sent, "method": name, "path": place, "status": status}
        makes = tells_what_was_made(name, place)
        if (asked and asked.is_held_back) or self._is_cut(name, place):
            return self._pass_whole(head, answer, facts, note, asked, body)
        if self._made and name == "DELETE" and status < 300:
            self._made.removed(place)
        if not makes:  # what makes something is noted with its body, all others when they begin to answer
            note(**facts, body=b"")
        self.client.socket.sendall(answer)
        if status == 101 or b"application/vnd.docker.raw-stream" in answer.lower():
            self._splice()
            return False
        if name == "HEAD" or status in (204, 304):
            return True
        return self._stream(answer, facts, note if makes else None, asked, body)

    def _pass_request(self, head: bytes, method: str, path: str) -> tuple[Asked | None, bytes]:
        """Pass a request on; returns what it makes, and its body where that tells something."""
        asked, held = None, Held()
        if self._made and self._made.reads_body(method, path):
            copy_body(head, self.client, held)
            asked = self._made.before(method, path, content(head, held.data))
            self.daemon.socket.sendall(head + held.data)
            return asked, content(head, held.data)
        if self._made:
            asked = self._made.before(method, path)
        self.daemon.socket.sendall(head)
        body = bytearray() if is_creation(method, path) else None
        copy_body(head, self.client, self.daemon.socket, body)
        return asked, content(head, body)

    def _answer(self) -> bytes:
        """The head of the answer, when those of interim answers, such as 100 Continue, are passed on."""
        answer = self.daemon.head()
        while answer.startswith(b"HTTP/1.1 1") and not answer.startswith(b"HTTP/1.1 101"):
            self.client.socket.sendall(answer)
            answer = self.daemon.head()
        return answer

    def _stream(
        self,
        answer: bytes,
        facts: dict[str, Any],
        note: Callable[..., None] | None,
        asked: Asked | None,
        request: bytes,
    ) -> bool:
        """Pass the body of an answer on as it comes; what it tells was made is written down when it ends."""
        listened = self._made if asked and asked.is_listened_to else None
        body = bytearray() if note or listened else None
        try:
            return copy_body(answer, self.daemon, self.client.socket, body, True)
        finally:
            told = content(answer, body)
            if listened and asked:
                listened.after(asked, facts["status"], told)
            if note:
                note(**facts, body=told, asked=request)

    def _refuse(self, head: bytes, refused: tuple[int, str], sent: float, note: Callable[..., None]) -> bool:
        """Answer as the daemon does: an object with a message."""
        status, message = refused
        method, path = (part.decode("latin-1") for part in head.split(b" ", 2)[:2])
        copy_body(head, self.client, Held())
        note(sent=sent, method=method, path=path, status=status, body=b"")
        body = b"" if method == "HEAD" else json.dumps({"message": message}).encode()
        self.client.socket.sendall(answer_of(status, body))
        return True

    def _is_cut(self, method: str, path: str) -> bool:
        """Whether others' containers are left out of an answer."""
        return bool(self._guard and self._hides and method == "GET" and place_of(path) == "/containers/json")

    def _pass_whole(
        self,
        head: bytes,
        answer: bytes,
        facts: dict[str, Any],
        note: Callable[..., None],
        asked: Asked | None,
        request: bytes,
    ) -> bool:
        """So that what was made is written down before anybody knows of it, and others' containers are left out."""
        held = Held()
        again = copy_body(answer, self.daemon, held, answer=True)
        body = content(answer, held.data)
        if self._made and asked:
            self._made.after(asked, facts["status"], body)
        note(**facts, body=body, asked=request)
        if self._guard and facts["method"] == "GET" and facts["status"] == 200:
            body = self._guard.visible(body)
        self.client.socket.sendall(answer_of(facts["status"], body))
        return again

    def _splice(self) -> None:
        """Both directions at once, until both are closed."""
        back = threading.Thread(target=pump, args=(self.daemon, self.client.socket), daemon=True)
        back.start()
        pump(self.client, self.daemon.socket)
        back.join()
