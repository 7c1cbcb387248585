"""The forwarding socket, between real sockets and a daemon that speaks just enough HTTP."""

import contextlib
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.capture import makers
from harness.host.ledger import Ledger
from harness.host.waiting import NotYet, wait_until
from harness.sensors.docker import connections, gateway
from harness.sensors.docker.gateway import DockerGateway
from harness.sensors.docker.made import DockerMade
from harness.sensors.docker.peer import Peer, peer_of
from harness.sensors.docker.request_log import RequestLog
from tests.unit.sensors.docker.answering import answering

assert makers
Daemon = Callable[[bytes], None]
CONTAINER = "c" * 64


class Rig:
    """A gateway before a daemon that answers with fixed bytes once it has read `until`, and reads on to `last`."""

    def __init__(
        self, folder: Path, answer: bytes, until: bytes, last: bytes = b"", log: RequestLog | None = None
    ) -> None:
        self._noted = folder / "requests.jsonl"
        self.log = log or RequestLog(self._noted)
        self.ended = threading.Event()
        self.delay = 0.0
        self.done = threading.Event()
        self._last = last
        self.received = b""
        self._answer, self._until = answer, until
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "d.sock"))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        self.gateway = DockerGateway("T1/a", folder / "g.sock", folder / "d.sock", self.log)

    @property
    def requests(self) -> list[Any]:
        """What was noted."""
        lines = self._noted.read_text().splitlines() if self._noted.exists() else []
        return [SimpleNamespace(**json.loads(line)) for line in lines]

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        while self._until not in self.received:
            data = connection.recv(65536)
            if not data:
                self.ended.set()
                return
            self.received += data
        time.sleep(self.delay)
        connection.sendall(self._answer)
        connection.shutdown(socket.SHUT_WR)
        while not self.received.endswith(self._last) and (data := connection.recv(65536)):
            self.received += data
        self.done.set()
        connection.close()

    def ask(self, request: bytes, *, wait: bool = True) -> bytes:
        with self.gateway, socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(self.gateway.path))
            client.sendall(request)
            answer = b""
            while data := client.recv(65536):
                answer += data
            if wait:
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
    assert [(r.config, r.body_bytes) for r in found.requests] == [(wanted, len(body))]
    assert "secret" not in str(found.requests)


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


CREATE = b"POST /v1.41/containers/create HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
CREATED_ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(CREATED), CREATED)


def connected(found: Rig, request: bytes) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(str(found.gateway.path))
    client.sendall(request)
    return client


def until_received(found: Rig, request: bytes) -> None:
    def all_of_it() -> None:
        if found.received != request:
            raise NotYet("not all")

    wait_until("the request", all_of_it, timeout=10, interval=0.01)


def serving() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("docker-gateway")]


def test_no_request_passes_after_the_end(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(client: socket.socket) -> Peer:
        time.sleep(0.2)
        return peer_of(client)

    monkeypatch.setattr(gateway, "peer_of", slowly)
    found = rig(CREATED_ANSWER, b"{}")
    with found.gateway:
        client = connected(found, CREATE)
    assert serving() == []
    with client, contextlib.suppress(ConnectionResetError):
        assert client.recv(10) == b""
    time.sleep(0.3)
    assert (found.received, found.requests) == (b"", [])


def test_what_is_under_way_at_the_end_is_answered_and_noted_though_its_client_is_gone(rig: Callable[..., Rig]) -> None:
    found = rig(CREATED_ANSWER, b"{}")
    found.delay = 0.3
    with found.gateway:
        connected(found, CREATE).close()
        until_received(found, CREATE)
    assert [(r.status, r.container_id) for r in found.requests] == [(201, CONTAINER)]
    assert found.log.take_problems() == []


def test_what_is_never_answered_is_noted_and_told_within_bounds(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_ANSWERING", 0.2)
    found = rig(b"", b"more than comes")
    with found.gateway:
        client = connected(found, CREATE)
        until_received(found, CREATE)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    client.close()
    assert serving() == []
    assert [(r.method, r.status, r.container_id) for r in found.requests] == [("POST", 0, None)]
    assert found.log.take_problems() == ["T1/a: POST /containers/create was not answered: what it made is not known"]
    assert found.log.take_problems() == []


def test_what_only_reads_is_not_waited_for(rig: Callable[..., Rig]) -> None:
    request = b"GET /v1.41/containers/x/json HTTP/1.1\r\n\r\n"
    found = rig(b"", b"more than comes")
    with found.gateway:
        client = connected(found, request)
        until_received(found, request)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    client.close()
    assert [(r.method, r.status) for r in found.requests] == [("GET", 0)]
    assert found.log.take_problems() == []


def test_a_request_whose_body_breaks_off_ends_the_connection(rig: Callable[..., Rig]) -> None:
    part = b"POST /v1.41/images/load HTTP/1.1\r\nContent-Length: 10\r\n\r\n{}"
    found = rig(b"", b"more than comes")
    with found.gateway:
        connected(found, part).close()
        assert found.ended.wait(10)
    assert [r.status for r in found.requests] == [0]
    assert found.log.take_problems() == []  # a daemon makes nothing of a part


def test_a_request_that_cannot_be_noted_is_told_and_passed_on(tmp_path: Path) -> None:
    found = Rig(tmp_path, CREATED_ANSWER, b"{}", log=RequestLog(Path("/dev/full")))
    assert found.ask(CREATE) == CREATED_ANSWER
    assert found.log.take_problems() == [
        "POST /containers/create could not be noted: [Errno 28] No space left on device"
    ]


def test_what_cannot_be_written_down_is_not_passed_on_and_told(tmp_path: Path) -> None:
    found = Rig(tmp_path, b"", b"never")
    swarm = b"POST /v1.41/swarm/init HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
    with answering(tmp_path / "there.sock", {"/info": {"Swarm": {"LocalNodeState": "inactive"}}, "/_ping": {}}):
        made = DockerMade(tmp_path / "there.sock", Ledger(tmp_path / "gone" / "ledger.jsonl"))
        gateway = DockerGateway("T1/a", tmp_path / "h.sock", tmp_path / "d.sock", found.log, made)
        with gateway, socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(gateway.path))
            client.sendall(swarm)
            assert client.recv(10) == b""
    assert (found.received, found.requests) == (b"", [])
    (problem,) = found.log.take_problems()
    assert problem.startswith("T1/a: POST /swarm/init: ")
    assert problem.endswith("can't be written: No such file or directory")


def test_two_requests_in_one_head_are_none(rig: Callable[..., Rig]) -> None:
    found = rig(b"", b"never")
    hidden = b"GET /_ping HTTP/1.1\nHost: x\n\nDELETE /containers/theirs HTTP/1.1\r\nHost: x\r\n\r\n"
    assert found.ask(hidden, wait=False) == b""
    assert found.received == b""


def test_logs_are_no_raw_stream_and_what_follows_them_is_noted(rig: Callable[..., Rig]) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    logs = b"GET /v1.41/containers/x/logs HTTP/1.1\r\n\r\n"
    found = rig(head + b"0\r\n\r\n" + b"HTTP/1.1 204 No Content\r\n\r\n", logs, b"kill HTTP/1.1\r\n\r\n")
    found.ask(logs + b"POST /v1.41/containers/x/kill HTTP/1.1\r\n\r\n")
    assert [(r.method, r.path) for r in found.requests] == [
        ("GET", "/v1.41/containers/x/logs"),
        ("POST", "/v1.41/containers/x/kill"),
    ]


@pytest.mark.parametrize("made", ["folder", "file", "link", "mount"])
def test_what_an_attack_puts_in_its_place_keeps_it_from_nothing(tmp_path: Path, made: str) -> None:
    if made == "mount" and os.geteuid() != 0:
        pytest.skip("only root may mount")
    place, other = tmp_path / "g.sock", tmp_path / "other"
    other.write_text("x")

    def bend() -> None:
        if made == "mount":
            place.touch()
            subprocess.run(["mount", "--bind", other, place], check=True)
            return
        place.unlink(missing_ok=True)
        if made == "folder":
            (place / "inner").mkdir(parents=True)
        elif made == "file":
            place.write_text("x")
        else:
            place.symlink_to(other)

    bend()
    with DockerGateway("T1/a", place, tmp_path / "d.sock", RequestLog(tmp_path / "r.jsonl")):
        assert place.is_socket()
        bend()
    assert not place.exists()
    assert not place.is_symlink()
    assert other.read_text() == "x"
