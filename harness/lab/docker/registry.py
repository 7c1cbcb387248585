"""A registry on loopback from which atomics pull: Debian's docker-registry, with its storage in the lab's folder.

The daemon uses plain HTTP: for dockerd, registries in 127.0.0.0/8 are insecure (docs.docker.com, dockerd).
"""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import docker

from harness.errors import LabUnavailable
from harness.host.daemons import check_runs, start_recorded
from harness.host.owned_folders import OwnedFolder
from harness.host.ports import free_ports
from harness.host.process import find_tool
from harness.host.waiting import NotYet, wait_until
from harness.lab.docker.image import REFERENCE

PROGRAM = "docker-registry"


@dataclass(frozen=True)
class Registry:
    """A registry that was started; `address` is HOST:PORT, as before an image's name."""

    address: str
    log: Path
    process: subprocess.Popen[bytes]

    def seed(self, client: docker.DockerClient) -> None:
        """Wait until it answers, and push the lab's image to it. Raises LabUnavailable with the error."""
        wait_until("registry", self._answers, timeout=30, interval=0.02)
        repository, _, tag = REFERENCE.partition(":")
        client.api.tag(REFERENCE, f"{self.address}/{repository}", tag)
        try:
            for message in client.api.push(f"{self.address}/{repository}", tag, stream=True, decode=True):
                if "error" in message:
                    raise LabUnavailable(f"the registry did not take {REFERENCE}: {message['error']}")
        finally:
            client.api.remove_image(f"{self.address}/{REFERENCE}")

    def _answers(self) -> None:
        check_runs("the registry", self.process, self.log)
        try:
            direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            direct.open(f"http://{self.address}/v2/", timeout=5).close()
        except urllib.error.URLError as error:
            raise NotYet(str(error.reason)) from None


def start_registry(owned: OwnedFolder) -> Registry | None:
    """Start the registry without waiting for it; None where it is not installed."""
    try:
        program = find_tool(PROGRAM)
    except LabUnavailable:
        return None
    folder = owned.path / "registry"
    folder.mkdir(mode=0o700)
    address = f"127.0.0.1:{free_ports(1)[0]}"
    config = folder / "config.yml"  # YAML takes JSON
    storage = {"filesystem": {"rootdirectory": str(folder / "data")}}
    config.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": address}}))
    log = folder / "registry.log"
    return Registry(address, log, start_recorded(owned, "registry", [program, "serve", config], log=log))
