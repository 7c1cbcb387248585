"""What a lab gives to atomics."""

from dataclasses import replace
from pathlib import Path

from harness.host.owned_folders import OwnedFolder
from harness.lab.docker.docker_host import DockerHost
from harness.lab.lab import Lab

HOST = DockerHost("host", "unix:///d.sock", Path("/d.sock"), None, "20.10", "named", shim=False, owned=False)


def arguments(host: DockerHost | None) -> dict[str, str]:
    return Lab(OwnedFolder(Path("/nowhere")), host, None, kept=False).arguments()


def test_a_lab_of_ours_fills_in_what_it_has() -> None:
    ours = replace(HOST, registry="127.0.0.1:5001", containerd=Path("/lab/containerd.sock"), namespace="livefire-lab")
    found = arguments(ours)
    assert found["registry"] == "127.0.0.1:5001"
    assert (found["containerd"], found["containerd_namespace"]) == ("/lab/containerd.sock", "livefire-lab")


def test_the_containerd_of_a_host_that_is_not_ours_is_never_used() -> None:
    for host in (HOST, None):
        assert arguments(host)["containerd"] == "none"
        assert "registry" not in arguments(host)
