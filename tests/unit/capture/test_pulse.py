"""Whether a command waits for what has died: with real sockets, no daemon. The lab tests pause real ones."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.capture import pulse
from harness.capture.pulse import LabPulse, connected
from harness.host.waiting import NotYet, wait_until
from harness.sensors.docker.gateway import DockerGateway
from harness.sensors.docker.request_log import RequestLog

_CONNECT = "import socket, sys; s = socket.socket({}); s.connect({!r}); {}; print(flush=True); sys.stdin.read()"


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[Path]:
    """The socket of a daemon that accepts and answers nothing."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "d.sock"))
        listener.listen()
        yield tmp_path / "d.sock"


def client(family: str, address: object, more: str = "pass") -> subprocess.Popen[bytes]:
    """Another process that connects, and stays."""
    code = _CONNECT.format(f"socket.{family}", address, more)
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def until_in_use(gateway: DockerGateway) -> None:
    """Until the gateway has taken note of who is connected."""

    def used() -> None:
        if not gateway.in_use():
            raise NotYet("not in use")

    wait_until("the gateway", used, timeout=5, interval=0.01)


@pytest.fixture
def gateway(paused: Path, tmp_path: Path) -> DockerGateway:
    return DockerGateway("T1/a", tmp_path / "g.sock", paused, RequestLog(tmp_path / "requests.jsonl"))


@pytest.fixture
def lab(paused: Path, gateway: DockerGateway, monkeypatch: pytest.MonkeyPatch) -> LabPulse:
    for name in ("_FIRST", "_AGAIN", "_PAUSE"):
        monkeypatch.setattr(pulse, name, 0.05)
    return LabPulse(paused, None, "run-000001/shell", gateway.in_use)


def test_a_daemon_that_answers_nothing_has_died_and_holds_up_who_asks_it_alone(
    lab: LabPulse, gateway: DockerGateway
) -> None:
    with gateway:
        assert lab.died().startswith("the Docker daemon does not answer: ")
        assert lab.holds_up() == ""
        with socket.socket(socket.AF_UNIX) as own:  # as our own sensor does
            own.connect(str(gateway.path))
            assert lab.holds_up() == ""
        asking = client("AF_UNIX", str(gateway.path))
        until_in_use(gateway)
        assert lab.holds_up() == lab.died()
        asking.communicate()
        assert lab.holds_up() == ""
    assert lab.died()


def test_a_client_that_has_nothing_more_to_say_still_waits(lab: LabPulse, gateway: DockerGateway) -> None:
    with gateway:
        asking = client(
            "AF_UNIX", str(gateway.path), "s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n'); s.shutdown(socket.SHUT_WR)"
        )
        until_in_use(gateway)
        time.sleep(0.2)
        assert lab.holds_up()
        asking.communicate()


def test_who_is_connected_to_a_port_is_told_by_its_sockets() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        process = client("AF_INET", ("127.0.0.1", port))
        assert connected(port, [os.getpid(), process.pid])
        assert not connected(port, [os.getpid()])
        assert not connected(port, [])
        process.communicate()
        assert not connected(port, [process.pid])
