"""Each raw file of a recording is written by one sensor."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import harness.sensors
from harness.recording import layout

PACKAGES = {"auditd": "auditd", "docker_daemon": "docker", "kube_audit": "kubernetes"}
RECORDINGS = Path(__file__).parents[2] / "recordings"


def named_in(folder: Path) -> set[str]:
    """The files of a recording that the modules in a folder name, as `layout.NAME`."""
    nodes = [node for module in folder.glob("*.py") for node in ast.walk(ast.parse(module.read_text()))]
    names = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "layout"
    }
    return {getattr(layout, name) for name in names}


def files_of_sensors() -> dict[str, set[str]]:
    folder = Path(harness.sensors.__file__).parent
    return {sensor: named_in(folder / package) for sensor, package in PACKAGES.items()}


def test_each_raw_file_has_one_sensor() -> None:
    owners = files_of_sensors()
    by_file = {file: [sensor for sensor, files in owners.items() if file in files] for file in layout.LOGS}
    assert by_file.pop(layout.ARRIVALS) == []  # all sensors share it
    assert by_file == {
        layout.AUDIT_LOG: ["auditd"],
        layout.ALIVE: ["auditd"],
        layout.DAEMON_LOG: ["docker_daemon"],
        layout.DAEMON_EVENTS: ["docker_daemon"],
        layout.DAEMON_REQUESTS: ["docker_daemon"],
        layout.KUBE_AUDIT: ["kube_audit"],
        layout.KUBE_PODS: ["kube_audit"],
    }


def test_a_recording_lists_for_a_sensor_only_its_own_files() -> None:
    owners = files_of_sensors()
    manifests = [json.loads(path.read_text()) for path in RECORDINGS.glob("*/manifest.json")]
    listed = [(sensor["name"], set(sensor["files"])) for manifest in manifests for sensor in manifest["sensors"]]
    assert {name for name, _ in listed} == set(PACKAGES)
    for name, files in listed:
        assert files, name
        assert files <= owners[name], name
