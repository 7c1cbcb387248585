"""Whether others could put something into a folder, or another in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.host.safe_path import unsafe


@pytest.fixture
def inner(tmp_path: Path) -> Path:
    """The innermost of three folders."""
    folder = tmp_path / "outer/middle/inner"
    folder.mkdir(parents=True)
    return folder


def test_a_folder_into_which_only_we_and_root_may_write_is_safe(inner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert unsafe(inner) == ""
    assert unsafe(inner / "not/yet/there") == ""
    monkeypatch.chdir(inner)
    assert unsafe(Path("relative")) == ""


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_is_named_with_its_mode(inner: Path, mode: int) -> None:
    inner.chmod(mode)
    assert unsafe(inner) == f"other users may write into {inner} (mode {mode:o})"


def test_so_is_each_one_above_it(inner: Path) -> None:
    for above in (inner.parent, inner.parents[1]):
        above.chmod(0o777)
        assert unsafe(inner) == f"other users may write into {above} (mode 777)"
        assert unsafe(inner / "not/yet/there") == f"other users may write into {above} (mode 777)"
        above.chmod(0o755)


def test_only_above_it_is_the_sticky_bit_enough(inner: Path) -> None:
    inner.parent.chmod(0o1777)
    assert unsafe(inner) == ""
    assert "other users may write" in unsafe(inner.parent)
    assert "other users may write" in unsafe(inner / "..")


def test_where_a_link_leads_it_is_looked_at_too(inner: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.symlink_to("second/inner")  # as seen from its own folder, and by way of another link
    second.symlink_to(inner.parent)
    assert unsafe(first) == unsafe(first / "not/yet/there") == ""
    for opened in (inner.parent, inner.parents[1]):
        opened.chmod(0o777)
        for way in (first, first / "not/yet/there"):
            assert unsafe(way) == f"other users may write into {opened} (mode 777)"
        opened.chmod(0o755)


def test_on_the_way_of_a_link_the_folder_in_which_another_link_lies_counts(inner: Path, tmp_path: Path) -> None:
    """Whoever may write there can turn it to elsewhere."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open/turned").symlink_to(inner)
    (tmp_path / "first").symlink_to("open/turned")
    (tmp_path / "open").chmod(0o777)
    assert unsafe(tmp_path / "first") == f"other users may write into {tmp_path / 'open'} (mode 777)"


def test_a_link_to_a_folder_with_the_sticky_bit_is_that_folder(inner: Path, tmp_path: Path) -> None:
    inner.parent.chmod(0o1777)
    (tmp_path / "link").symlink_to("outer/../outer/middle")
    assert unsafe(tmp_path / "link") == f"other users may write into {inner.parent} (mode 1777)"


def test_what_can_t_be_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    assert unsafe(tmp_path / "file/below") == f"{tmp_path}/file/below: Not a directory"
    for path in (tmp_path / "loop", tmp_path / "loop/below"):
        assert unsafe(path) == f"{path}: Too many levels of symbolic links"


def given_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who isn't root can't give it away: then we are another, and it is ours no more."""
    if os.geteuid() == 0:
        os.chown(folder, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)


def test_a_folder_of_another_s_is_named_with_its_owner(inner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_away(inner, monkeypatch)
    assert unsafe(inner) == f"{inner} belongs to the user with uid {inner.stat().st_uid}"


def test_root_s_and_our_own_are_safe_for_any_user(inner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        given_away(inner, monkeypatch)
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert unsafe(inner) == ""
