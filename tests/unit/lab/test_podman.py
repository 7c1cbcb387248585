"""What Podman finds in an atomic's home. That it works there is seen to by the lab tests."""

import tomllib
from pathlib import Path

import pytest

from harness.lab.podman import podman_environment


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes before all others on PATH, with programs that are there and do nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("podman", "runc"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_every_folder_that_it_names_lies_in_the_home(tmp_path: Path, programs: Path) -> None:
    home = tmp_path / 'a "quoted" home'
    home.mkdir()
    found = podman_environment(home, "livefire-run")
    engine, storage = (tomllib.loads(Path(path).read_text()) for path in found.values())
    places = [engine["engine"]["tmp_dir"], engine["network"]["network_config_dir"]]
    places += [storage["storage"]["graphroot"], storage["storage"]["runroot"]]
    places += engine["engine"]["runtimes"][engine["engine"]["runtime"]]
    assert len(set(places)) == 5
    assert all(Path(place).is_relative_to(home) for place in places)


def test_its_containers_are_put_in_our_control_group(tmp_path: Path, programs: Path) -> None:
    podman_environment(tmp_path, "livefire-run")
    (runtime,) = tmp_path.glob(".config/containers/runtime")
    assert "--cgroup=/livefire-run" in runtime.read_text()
    assert str(programs / "runc") in runtime.read_text()
    assert runtime.stat().st_mode & 0o777 == 0o700
