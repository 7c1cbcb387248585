"""A ledger that somebody else has planted, or could have: it is not read, and does no harm where it is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.capture import makers
from harness.errors import Refused
from harness.host import kinds
from harness.host.kinds import Foreign, Whose
from harness.host.owned_folders import OwnedFolder, owned_folders
from harness.host.safe_path import unsafe
from harness.host.undo import mount_points

assert makers


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lf-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722, 0o1777, 0o702])
@pytest.mark.parametrize("where", ["s", "."])
def test_a_folder_into_which_others_may_write_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, mode: int, where: str
) -> None:
    monkeypatch.setenv("LIVEFIRE_STATE", str(place / "s"))
    (place / "s").mkdir(mode=0o700)
    (place / where).chmod(mode)
    if where == "." and mode == 0o1777:  # nobody can rename there what is ours
        assert owned_folders() == []
        return
    for act in (owned_folders, lambda: OwnedFolder.create("run")):
        with pytest.raises(Refused, match="other users may write into"):
            act()
    assert list((place / "s").iterdir()) == []


def test_a_link_to_an_unsafe_place_is_unsafe(place: Path) -> None:
    (place / "open/inner").mkdir(parents=True)
    (place / "open").chmod(0o777)
    (place / "link").symlink_to(place / "open/inner")
    assert "other users may write" in unsafe(place / "link")
    (place / "open").chmod(0o700)
    assert unsafe(place / "link") == ""
    assert unsafe(place / "link/not/yet/there") == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(place: Path) -> None:
    (place / "s").mkdir()
    os.chown(place / "s", 12345, 12345)
    assert "uid 12345" in unsafe(place / "s")
    assert "uid 12345" in unsafe(place / "s/below")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_lab_of_somebody_else_is_none_of_ours(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEFIRE_STATE", str(place / "s"))
    owned = OwnedFolder.create("lab")
    assert [each.id for each in owned_folders()] == [owned.id]
    os.chown(owned.path, 12345, 12345)
    assert owned_folders() == []


FOREIGN: list[tuple[str, dict[str, Any]]] = [
    ("folder", {"path": "/etc"}),
    ("folder", {"path": "{folder}/../precious"}),
    ("folder", {"path": "{folder}/link/precious"}),
    ("folder", {"path": "{folder}-2"}),
    ("folder", {"path": "precious"}),
    ("folder", {"path": ["{folder}"]}),
    ("daemon", {"owner": "lab-ffffff/dockerd"}),
    ("daemon", {"owner": ""}),
    ("daemon", {"owner": "lab-0a1b2c"}),
    ("podman", {"folder": "/"}),
    ("cgroup", {"name": "system.slice"}),
    ("cgroup", {"name": "../.."}),
    ("cgroup", {"name": ""}),
    ("bridge", {"name": "docker0"}),
    ("bridge", {"name": "lf-ffffff"}),
    ("empty_folders", {"paths": ["/run/docker", "/var/empty"]}),
    ("empty_folders", {"paths": "/run/docker"}),
    ("shim_sockets", {"containerd": "/run/containerd/containerd.sock", "containers": "/var/lib/docker/containers"}),
    ("container", {"socket": "/run/docker.sock", "id": "web"}),
    ("container", {"socket": "/run/docker.sock", "id": "0" * 64 + "/../"}),
    ("image", {"socket": "/run/docker.sock", "reference": "debian:12"}),
    ("image", {"socket": "/run/docker.sock", "reference": "livefire/../debian:12"}),
    ("image", {"socket": "/run/docker.sock", "reference": "registry/other/box:1"}),
    ("atomic_network", {"socket": "/run/docker.sock", "id": "bridge"}),
    ("atomic_volume", {"socket": "/run/docker.sock", "name": "../x"}),
    ("atomic_network", {"socket": "{folder}/docker/docker.sock", "id": "0" * 64, "links": ["lo"]}),
    ("atomic_image", {"socket": "/run/docker.sock", "reference": "debian:12 --force"}),
    ("bind_folders", {"socket": "/run/docker.sock", "paths": ["precious"]}),
    ("bind_folders", {"socket": "/run/docker.sock", "paths": ["{folder}/../precious"]}),
    ("swarm", {"socket": "/run/docker.sock", "gwbridge": "yes"}),
    ("lab_networks", {"socket": "/run/docker.sock"}),
    ("lab_networks", {"socket": "{folder}/../precious/docker/docker.sock"}),
    ("canary_container", {"containerd": "/run/containerd/c.sock", "namespace": "moby", "id": "0" * 64}),
    ("docker_network", {"socket": "/run/docker.sock", "name": "bridge"}),
    ("kind_cluster", {"socket": "/run/docker.sock", "name": "kind"}),
    ("kube_objects", {"kubeconfig": "/root/.kube/config", "run_id": "lab-0a1b2c"}),
    ("kube_objects", {"kubeconfig": "{folder}/kubeconfig", "run_id": "lab-ffffff"}),
    ("sysctl", {"name": "kernel.core_pattern", "value": "|/tmp/x"}),
    ("sysctl", {"name": "kernel.panic", "value": "|/tmp/x"}),
    ("sysctl", {"name": "kernel.panic", "value": "10\n"}),
    ("sysctl", {"name": "kernel.panic", "value": ""}),
    ("sysctl", {"name": "../../tmp/x", "value": "1"}),
    ("sysctl", {"name": "kernel.panic", "value": 10}),
    ("moved_socket", {"path": "/run/docker.sock"}),
    ("moved_socket", {"path": "{folder}/../../docker.sock"}),
    ("moved_socket", {"path": "/run/docker.sock"}),
    ("moved_socket", {"path": "{folder}/../precious/docker/docker.sock"}),
    ("canary_container", {"containerd": "/run/containerd/containerd.sock", "namespace": "moby", "id": "0" * 64}),
    ("audit_daemon", {"arguments": ["-c", "/x", "--spell"], "folder": "/", "unit": False, "boot": ""}),
    ("audit_daemon", {"arguments": [], "folder": "precious", "unit": False, "boot": ""}),
    ("spell", {}),
]


@pytest.mark.parametrize(("kind", "what"), FOREIGN)
def test_what_can_t_be_ours_is_left_alone(place: Path, kind: str, what: dict[str, Any]) -> None:
    folder = place / "lab-0a1b2c"
    for each in (folder, place / "precious", place / "lab-0a1b2c-2"):
        each.mkdir()
    (folder / "link").symlink_to(place)
    filled = {
        name: value.replace("{folder}", str(folder)) if isinstance(value, str) else value
        for name, value in what.items()
    }
    with pytest.raises(Foreign):
        kinds.undo(kind, Whose("lab-0a1b2c", folder), filled)
    assert {path.name for path in place.iterdir()} == {"lab-0a1b2c", "precious", "lab-0a1b2c-2"}


def test_each_kind_that_takes_a_value_refuses_a_foreign_one() -> None:
    takes_none = {"mounts", "containerd_state", "audit_rules"}
    checked_by_their_own_tests = {"audit"}
    assert {kind for kind, _ in FOREIGN} | takes_none | checked_by_their_own_tests >= set(kinds.known())


def test_a_link_in_the_place_of_a_folder_is_removed_and_not_what_it_leads_to(place: Path) -> None:
    folder = place / "lab-0a1b2c"
    (place / "precious").mkdir()
    folder.mkdir()
    (folder / "link").symlink_to(place / "precious")
    kinds.undo("folder", Whose("lab-0a1b2c", folder), {"path": str(folder / "link")})
    assert not (folder / "link").is_symlink()
    assert (place / "precious").is_dir()


def test_mount_points_are_bytes() -> None:
    line = b"36 35 98:0 / %s rw,noatime master:1 - ext3 /dev/root rw\n"
    named = {
        b"/plain": "/plain",
        b"/a\\040b": "/a b",
        b"/a\\134040b": "/a\\040b",
        "/m\u00e9\u2603".encode(): "/m\u00e9\u2603",
        b"/m\\303\\251": "/m\u00e9",
        b"/\xff": os.fsdecode(b"/\xff"),
        b"/a\\012b\\011c\\043": "/a\nb\tc#",
    }
    assert mount_points(b"".join(line % point for point in named)) == list(named.values())
