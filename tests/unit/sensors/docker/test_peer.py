"""Who is at the other end of a socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from harness.sensors.docker.peer import Peer, look_at, peer_of


def test_the_peer_is_the_process_that_connected(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        client.connect(str(tmp_path / "s"))
        connection, _ = listener.accept()
        found = peer_of(connection)
        connection.close()
    assert found.pid == os.getpid()
    assert found.above[0] == os.getppid()
    assert found == look_at(os.getpid())
    assert found.started


def test_nothing_is_known_of_one_that_has_ended() -> None:
    assert look_at(1 << 22) == Peer(1 << 22)
