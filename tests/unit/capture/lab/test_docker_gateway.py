"""The forwarding socket, between real sockets and a daemon that speaks just enough HTTP."""

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.capture.lab.docker_gateway import ApiRequest, DockerGateway

Daemon = Callable[[bytes], None]
CONTAINER = "c" * 64


class Rig:
    """A gateway before a daemon that answers with fixed bytes once it has read `until`, and reads on to `last`."""

    def __init__(self, folder: Path, answer: bytes, until: bytes, last: bytes = b"") -> None:
        self.requests: list[ApiRequest] = []
        self.done = threading.Event()
        self._last = last
        self.received = b""
        self._answer, self._until = answer, until
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "d.sock"))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        self.gateway = DockerGateway("T1/a", folder / "g.sock", folder / "d.sock", self.requests.append)

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        while self._until not in self.received:
            self.received += connection.recv(65536)
        connection.sendall(self._answer)
        connection.shutdown(socket.SHUT_WR)
        while not self.received.endswith(self._last) and (data := connection.recv(65536)):
            self.received += data
        self.done.set()
        connection.close()

    def ask(self, request: bytes) -> bytes:
        with self.gateway, socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(self.gateway.path))
            client.sendall(request)
            answer = b""
            while data := client.recv(65536):
                answer += data
            self.done.wait(10)
            return answer


@pytest.fixture
def rig(tmp_path: Path) -> Callable[..., Rig]:
    return lambda *arguments: Rig(tmp_path, *arguments)


CREATED = f'{{"Id":"{CONTAINER}","Warnings":[]}}'.encode()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(CREATED), CREATED),
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(CREATED), CREATED),
    ],
)
def test_a_created_container_is_noted_and_nothing_is_changed(rig: Callable[..., Rig], answer: bytes) -> None:
    request = b"POST /v1.41/containers/create HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
    found = rig(answer, b"{}")
    assert found.ask(request) == answer
    assert found.received == request
    assert [(r.atomic, r.method, r.status, r.container_id) for r in found.requests] == [
        ("T1/a", "POST", 201, CONTAINER)
    ]
    assert found.requests[0].sent <= found.requests[0].answered


ASKED = {
    "Image": "i",
    "Cmd": ["id"],
    "Env": ["A=secret", "B"],
    "HostConfig": {"Privileged": True, "LogConfig": {"Config": {"token": "secret"}}},
}


@pytest.mark.parametrize("chunked", [False, True])
def test_what_was_asked_for_of_a_container_is_noted_without_values(rig: Callable[..., Rig], chunked: bool) -> None:
    body = json.dumps(ASKED).encode()
    head = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    found = rig(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(CREATED), CREATED), sent)
    found.ask(b"POST /v1.41/containers/create HTTP/1.1\r\n" + head + b"\r\n\r\n" + sent)
    wanted = {"Image": "i", "Cmd": ["id"], "Env": ["A=***", "B=***"], "HostConfig": {"Privileged": True}}
    assert [r.config for r in found.requests] == [wanted]
    assert "secret" not in found.requests[0].line()


def test_a_process_to_be_executed_is_noted_with_its_id(rig: Callable[..., Rig]) -> None:
    found = rig(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(CREATED), CREATED), b"{}")
    found.ask(b"POST /v1.41/containers/x/exec HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    assert [(r.status, r.container_id, r.exec_id) for r in found.requests] == [(201, None, CONTAINER)]


def test_a_refused_create_has_no_container(rig: Callable[..., Rig]) -> None:
    found = rig(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", b"\r\n\r\n")
    found.ask(b"POST /containers/create?name=x HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    assert [(r.status, r.container_id) for r in found.requests] == [(404, None)]


def test_a_pull_is_noted_when_it_is_done_and_with_what_came_of_it(rig: Callable[..., Rig]) -> None:
    messages = [b'{"status":"Pulling from box"}\r\n', b'{"status":"Status: Downloaded newer image for r/box:x"}\r\n']
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(message), message) for message in messages)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    found = rig(head + chunks + b"0\r\n\r\n", b"\r\n\r\n")
    found.ask(b"POST /v1.41/images/create?fromImage=r/box&tag=x HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    assert [(r.status, r.image, r.container_id) for r in found.requests] == [(200, "r/box:x", None)]


def test_a_pull_that_breaks_off_is_noted_without_an_image(rig: Callable[..., Rig]) -> None:
    found = rig(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\n{}", b"\r\n\r\n")
    found.ask(b"POST /v1.41/images/create?fromImage=r/box&tag=x HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    assert [(r.status, r.image) for r in found.requests] == [(200, None)]


def test_an_upgraded_stream_flows_both_ways(rig: Callable[..., Rig]) -> None:
    found = rig(b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nhello", b"\r\n\r\n", b"input")
    answer = found.ask(b"POST /containers/x/attach HTTP/1.1\r\nUpgrade: tcp\r\n\r\n" + b"input")
    assert answer.endswith(b"hello")
    assert found.received.endswith(b"input")


def test_what_is_not_http_ends_the_connection(rig: Callable[..., Rig]) -> None:
    found = rig(b"", b"never")
    with found.gateway, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(found.gateway.path))
        client.sendall(b"nonsense\r\n\r\n")
        assert client.recv(10) == b""
    assert found.requests == []
