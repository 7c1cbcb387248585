"""Which node image is taken, and why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import InvalidInput
from harness.lab.kubernetes.node_image import OFFICIAL, choose


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "livefire/node-image"
    folder.mkdir(parents=True)
    return folder


def test_kinds_own_is_the_default_and_pinned_by_digest(cache: Path) -> None:
    image = choose(None)
    assert (image.reference, image.archive) == (OFFICIAL, None)
    assert "@sha256:" in OFFICIAL


def test_the_newest_built_one_is_taken(cache: Path) -> None:
    old, new = cache / "v1.20.2-aaaaaaaaaaaa.tar.gz", cache / "v1.20.2-bbbbbbbbbbbb.tar.gz"
    for age, path in ((100, old), (0, new)):
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    image = choose(None)
    assert (image.reference, image.archive) == ("livefire/node:v1.20.2-bbbbbbbbbbbb", new)
    assert image.why == "built from Debian packages"


def test_a_half_built_one_is_not_taken(cache: Path) -> None:
    (cache / "v1.20.2-aaaaaaaaaaaa.tar.gz.part").touch()
    assert choose(None).archive is None


def test_a_pulled_one_comes_before_a_built_one(cache: Path) -> None:
    (cache / "v1.20.2-aaaaaaaaaaaa.tar.gz").touch()
    digest = OFFICIAL.rpartition(":")[2]
    pulled = cache / f"pulled-kindest_node_v1.32.2_sha256_{digest}.tar"
    pulled.touch()
    image = choose(None)
    assert (image.reference, image.archive) == ("kindest/node:v1.32.2", pulled)


def test_what_the_user_names_comes_first(cache: Path, tmp_path: Path) -> None:
    (cache / "v1.20.2-aaaaaaaaaaaa.tar.gz").touch()
    assert choose("mine/node:1").reference == "mine/node:1"
    archive = tmp_path / "node.tar.gz"
    archive.touch()
    assert choose(str(archive)).archive == archive


def test_an_archive_that_is_not_there_is_a_mistake(cache: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no such file"):
        choose("nowhere/node.tar.gz")
