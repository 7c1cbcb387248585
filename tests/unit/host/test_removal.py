"""Removing what an attack has locked, and nothing that has a name elsewhere."""

import os
import subprocess
from pathlib import Path

import pytest

from harness.host.owned_folders import OwnedFolder
from harness.host.removal import remove_tree


def lock(flag: str, *paths: Path) -> None:
    done = subprocess.run(["chattr", f"+{flag}", *paths], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no such flags here: {done.stderr.strip()}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may set these flags")
@pytest.mark.parametrize("flag", ["i", "a"])
def test_what_must_not_be_changed_is_removed(tmp_path: Path, flag: str) -> None:
    inner = tmp_path / "ours" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    os.mkfifo(inner / "pipe")
    lock(flag, inner / "file", inner, inner.parent)
    remove_tree(tmp_path / "ours")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may set these flags")
def test_what_a_link_leads_to_keeps_its_flags(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    for name in ("foreign", "linked"):
        (tmp_path / name).write_text("x")
    (tmp_path / "ours/symbolic").symlink_to(tmp_path / "foreign")
    (tmp_path / "ours/hard").hardlink_to(tmp_path / "linked")
    (tmp_path / "ours/locked").write_text("x")
    both = [tmp_path / "foreign", tmp_path / "linked"]
    lock("i", *both, tmp_path / "ours/locked")
    try:
        with pytest.raises(OSError, match="hard"):
            remove_tree(tmp_path / "ours")
        for path in both:
            with pytest.raises(PermissionError):
                path.write_text("y")
        assert [path.name for path in (tmp_path / "ours").iterdir()] == ["hard"]
    finally:
        subprocess.run(["chattr", "-i", *both], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may set these flags")
def test_what_can_t_be_removed_keeps_the_ledger_which_is_undone_another_time(
    tmp_path: Path,
) -> None:
    (tmp_path / "run-0c9a1d").mkdir()
    (tmp_path / "foreign").write_text("x")
    owned = OwnedFolder(tmp_path / "run-0c9a1d")
    owned.ledger.add("folder", path=str(owned.path))
    (owned.path / "home").mkdir()
    (owned.path / "home/hard").hardlink_to(tmp_path / "foreign")
    lock("i", tmp_path / "foreign")
    try:
        assert "Operation not permitted" in owned.undo()[0]
        assert owned.ledger.path.is_file()
    finally:
        subprocess.run(["chattr", "-i", tmp_path / "foreign"], check=True)
    assert owned.undo() == []
    assert not owned.path.exists()
    assert (tmp_path / "foreign").read_text() == "x"


def test_what_is_not_there_is_removed(tmp_path: Path) -> None:
    remove_tree(tmp_path / "none")
