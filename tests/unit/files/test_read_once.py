"""A YAML file is read once, whoever asks for it, and under the path that it is asked for by."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InvalidInput
from harness.files.read_once import ReadOnce


def test_a_file_is_as_it_was_when_it_was_first_read(tmp_path: Path) -> None:
    path, read = tmp_path / "a.yaml", ReadOnce()
    path.write_text("a: 1")
    first = read(path)
    path.write_text("a: 2")
    assert read(path) is first
    assert ReadOnce()(path).data == {"a": 2}


def test_another_way_to_the_same_file_is_told_by_its_own_path(tmp_path: Path) -> None:
    path, link, read = tmp_path / "a.yaml", tmp_path / "b.yaml", ReadOnce()
    path.write_text("a: 1")
    link.symlink_to(path)
    first, again = read(path), read(link)
    assert again.data is first.data
    assert str(again.at(("a",))) == f"{link}:1:1"


def test_what_cannot_be_read_is_the_same_mistake_again(tmp_path: Path) -> None:
    path, read = tmp_path / "a.yaml", ReadOnce()
    path.write_text("a: [")
    said = []
    for _ in range(2):
        with pytest.raises(InvalidInput) as caught:
            read(path)
        said.append(caught.value)
        path.write_text("a: 1")
    assert said[0] is said[1]


def test_two_links_to_a_missing_file_have_a_mistake_each(tmp_path: Path) -> None:
    read = ReadOnce()
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).symlink_to("nowhere")
        with pytest.raises(InvalidInput, match=name):
            read(tmp_path / name)
