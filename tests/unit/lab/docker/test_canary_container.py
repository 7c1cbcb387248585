"""The container for canaries: where there is one, and what its undoing refuses. The lab tests execute in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.host import kinds
from harness.host.kinds import Foreign, Whose
from harness.host.owned_folders import OwnedFolder
from harness.lab.docker.canary_container import canary_container
from harness.lab.docker.docker_host import DockerHost

ID = "0" * 63 + "1"


def host(containerd: Path | None) -> DockerHost:
    return DockerHost(
        "managed",
        "lab-000001",
        Path("/s"),
        None,
        "28",
        "",
        shim=False,
        owned=True,
        containerd=containerd,
        namespace="n",
    )


def test_there_is_none_where_there_is_no_containerd_of_ours(tmp_path: Path) -> None:
    owned = OwnedFolder(tmp_path / "run-000001")
    assert canary_container(owned, None) is None
    assert canary_container(owned, host(None)) is None


def test_there_is_none_where_nothing_can_start_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owned = OwnedFolder(tmp_path / "run-000001")
    monkeypatch.setattr("harness.lab.docker.canary_container.shutil.which", lambda *_, **__: None)
    assert canary_container(owned, host(tmp_path / "containerd.sock")) is None


@pytest.mark.parametrize(
    ("containerd", "namespace", "identifier"),
    [
        ("/run/containerd/containerd.sock", "livefire-lab-000001", ID),
        ("{root}/lab-000001/docker/containerd.sock", "moby", ID),
        ("{root}/lab-000001/docker/containerd.sock", "livefire-lab-000002", ID),
        ("{root}/lab-000001/docker/containerd.sock", "livefire-lab-000001", "web"),
        ("{root}/../lab-000001/docker/containerd.sock", "livefire-lab-000001", ID),
    ],
)
def test_another_s_container_is_not_touched(tmp_path: Path, containerd: str, namespace: str, identifier: str) -> None:
    whose = Whose("run-000001", tmp_path / "run-000001")
    what = {"containerd": containerd.format(root=tmp_path), "namespace": namespace, "id": identifier}
    with pytest.raises(Foreign):
        kinds.undo("canary_container", whose, what)


def test_where_containerd_is_gone_so_are_its_containers(tmp_path: Path) -> None:
    whose = Whose("run-000001", tmp_path / "run-000001")
    socket = f"{tmp_path}/lab-000001/docker/containerd.sock"
    kinds.undo("canary_container", whose, {"containerd": socket, "namespace": "livefire-lab-000001", "id": ID})
