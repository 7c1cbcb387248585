"""What a mark of the Docker daemon's sensor tells, with the SDK's own client before a daemon that is not there."""

from __future__ import annotations

from pathlib import Path

import docker

from harness.host.owned_folders import OwnedFolder
from harness.lab.docker.docker_host import DockerHost
from harness.recording import RecordingWriter, layout
from harness.sensors.docker.docker_sensor import DockerDaemonSensor
from harness.sensors.sensor import Arrivals


def test_what_a_gateway_could_not_do_is_told_by_the_next_mark_alone(tmp_path: Path) -> None:
    recording = RecordingWriter(tmp_path / "r")
    recording.file(layout.DAEMON_EVENTS).touch()
    none = tmp_path / "none.sock"
    host = DockerHost("managed", "d", none, None, "1", "asked for", shim=False, owned=True)
    sensor = DockerDaemonSensor(host, Arrivals(recording), OwnedFolder(tmp_path))
    sensor._through = docker.DockerClient(base_url=f"unix://{none}", version="1.41")
    sensor._requests.tell("T1/a: POST /containers/create was not answered: what it made is not known")
    problems = [sensor.mark(label).problems for label in ("after:T1/a", "after:T1/b")]
    assert problems[0][0] == "T1/a: POST /containers/create was not answered: what it made is not known"
    assert problems[0][1].startswith("the daemon does not answer: ")
    assert len(problems[1]) == 1
