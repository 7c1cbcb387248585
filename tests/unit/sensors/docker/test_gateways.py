"""The gateways of a capture: which of them is in use, and that they note in one file. No daemon stands behind them."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.host.owned_folders import OwnedFolder
from harness.host.waiting import NotYet, wait_until
from harness.lab.docker.docker_host import DockerHost
from harness.recording import RecordingWriter, layout
from harness.sensors.docker.docker_sensor import DockerDaemonSensor
from harness.sensors.docker.gateways import DockerGateways
from harness.sensors.sensor import Arrivals

_CONNECT = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.stdin.read()"


@pytest.fixture
def sensor(tmp_path: Path) -> DockerDaemonSensor:
    host = DockerHost("host", "d", tmp_path / "none.sock", None, "1", "asked for", shim=False, owned=False)
    return DockerDaemonSensor(host, Arrivals(RecordingWriter(tmp_path / "r")), OwnedFolder(tmp_path))


@pytest.fixture
def gateways(sensor: DockerDaemonSensor) -> DockerGateways:
    return sensor.gateways


def until(gateways: DockerGateways, used: bool) -> None:
    def as_told() -> None:
        if gateways.in_use() != used:
            raise NotYet(f"in use: {not used}")

    wait_until("the gateways", as_told, timeout=5, interval=0.01)


def test_any_gateway_that_another_process_is_connected_to_is_in_use(gateways: DockerGateways, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(gateways.daemon))
        daemon.listen()
        with gateways.gateway("T1/a", tmp_path / "0.sock"), gateways.gateway("T1/b", tmp_path / "1.sock") as path:
            assert not gateways.in_use()
            with subprocess.Popen([sys.executable, "-c", _CONNECT, str(path)], stdin=subprocess.PIPE) as client:
                until(gateways, used=True)
                client.communicate()
            until(gateways, used=False)


def test_a_gateway_that_has_ended_is_not_asked(gateways: DockerGateways, tmp_path: Path) -> None:
    with gateways.gateway("T1/a", tmp_path / "0.sock"):
        pass
    assert not gateways._open
    assert not (tmp_path / "0.sock").exists()


def test_the_socket_of_anothers_daemon_stays_in_its_place(gateways: DockerGateways) -> None:
    with gateways.front():
        assert not gateways._open
        assert not gateways.daemon.exists()


def test_what_gateways_are_asked_is_the_sensors_own_file(sensor: DockerDaemonSensor, tmp_path: Path) -> None:
    (tmp_path / "r/raw").mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(sensor.gateways.daemon))
        daemon.listen()
        with sensor.gateways.gateway("T1/a", tmp_path / "0.sock") as path, socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
            asked, _ = daemon.accept()
            with asked:
                asked.recv(4096)
                asked.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
                client.recv(4096)
    assert b'"/_ping"' in (tmp_path / "r" / layout.DAEMON_REQUESTS).read_bytes()
