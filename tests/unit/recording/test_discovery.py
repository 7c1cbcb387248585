"""Finding recordings below a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.errors import RecordingDamaged
from harness.recording import find_recordings, open_recording
from tests.conftest import COMMITTED


@pytest.fixture
def nights(tmp_path: Path) -> Path:
    for name in ("b", "a", "week/c", ".hidden/d"):
        shutil.copytree(COMMITTED, tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    return tmp_path


def test_a_folder_gives_all_that_are_below_it_in_order(nights: Path) -> None:
    assert find_recordings([nights]) == [nights / "a", nights / "b", nights / "week/c"]


def test_what_is_named_comes_as_it_is_named(nights: Path) -> None:
    assert find_recordings([nights / "b", nights / "link", nights / "week"]) == [
        nights / "b",
        nights / "link",
        nights / "week/c",
    ]


@pytest.mark.parametrize("file", ["manifest.json", "seal"])
def test_an_unfinished_one_is_found_and_not_passed_over(nights: Path, file: str) -> None:
    """`kill -9` in mid-capture leaves neither manifest nor seal."""
    for gone in ("manifest.json", "seal"):
        if gone != file:
            (nights / "a" / gone).unlink()
    assert nights / "a" in find_recordings([nights])
    (nights / "a" / file).unlink()
    assert nights / "a" in find_recordings([nights])
    with pytest.raises(RecordingDamaged, match="Its capture was interrupted"):
        open_recording(nights / "a")


def test_a_folder_without_any_is_refused(nights: Path) -> None:
    with pytest.raises(RecordingDamaged, match=r"empty: not a recording, and there is none in it"):
        find_recordings([nights / "empty"])


@pytest.mark.parametrize("kept", ["raw", "tables", "raw/auditd.log", "raw/docker-events.jsonl"])
def test_a_part_of_one_is_found_and_not_passed_over(nights: Path, kept: str) -> None:
    part = nights / "part"
    part.mkdir()
    if "/" in kept:
        (part / "raw").mkdir()
        shutil.copy(COMMITTED / kept, part / kept)
    else:
        shutil.copytree(COMMITTED / kept, part / kept)
    assert part in find_recordings([nights])
    with pytest.raises(RecordingDamaged):
        open_recording(part)


def test_a_link_that_hides_a_recording_is_refused(nights: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "e"
    shutil.copytree(COMMITTED, elsewhere)
    (nights / "week/last").symlink_to(elsewhere)
    with pytest.raises(RecordingDamaged, match=r"week/last: a link to a recording is not followed"):
        find_recordings([nights])
    shutil.rmtree(elsewhere)
    with pytest.raises(RecordingDamaged, match=r"week/last: a link that leads nowhere"):
        find_recordings([nights])


def test_a_link_to_what_is_no_recording_is_nothing(nights: Path) -> None:
    (nights / "empty/gone").symlink_to("nowhere")  # no recording is beside it
    (nights / "notes").symlink_to(nights / "notes.txt")
    assert find_recordings([nights]) == [nights / "a", nights / "b", nights / "week/c"]


def test_what_is_no_folder_is_left_to_be_opened(nights: Path) -> None:
    assert find_recordings([nights / "nowhere", nights / "notes.txt"]) == [nights / "nowhere", nights / "notes.txt"]
