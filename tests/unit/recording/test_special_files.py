"""A recording holds files and folders, and nothing else is opened; what was hashed is what is read."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from harness.errors import RecordingDamaged
from harness.recording import layout, open_recording

SOURCE = Path(__file__).parents[2] / "recordings" / "docker-and-control-plane"
FILES = ["manifest.json", "seal", "raw/auditd.log", "tables/Auditd_CL.parquet", "raw/more", "elsewhere/deep/more"]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    shutil.copytree(SOURCE, tmp_path / "n*[a]?'\n=x")
    return tmp_path / "n*[a]?'\n=x"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("make", ["link", "dangling", "fifo"])
def test_what_is_no_file_is_refused(recording: Path, name: str, make: str) -> None:
    place = recording / name
    place.parent.mkdir(parents=True, exist_ok=True)
    kept = recording.parent / "kept"
    if place.exists():
        place.rename(kept)
    if make == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to(kept if make == "link" else recording.parent / "nowhere")
    with pytest.raises(RecordingDamaged, match=r"is (a link|no regular file)|no manifest.json"):
        open_recording(recording)


@pytest.mark.parametrize("name", ["raw", "tables"])
def test_a_folder_that_is_a_link_is_refused(recording: Path, name: str) -> None:
    (recording / name).rename(recording.parent / name)
    (recording / name).symlink_to(recording.parent / name)
    with pytest.raises(RecordingDamaged, match="is a link"):
        open_recording(recording)


def test_what_was_changed_after_it_was_verified_is_not_read(recording: Path) -> None:
    opened = open_recording(recording)
    for name in (layout.AUDIT_LOG, "tables/Auditd_CL.parquet"):
        (recording / name).write_bytes((recording / name).read_bytes() + b"\n")
        with pytest.raises(RecordingDamaged, match="does not match its hash"):
            opened.read(name)


def test_nothing_is_read_that_the_manifest_does_not_have(recording: Path) -> None:
    opened = open_recording(recording)
    (recording / "raw/later").write_bytes(b"x")
    (recording.parent / "outside").write_bytes(b"x")
    assert opened.read("raw/later") == b""
    assert opened.read("../outside") == b""
    with pytest.raises(RecordingDamaged):
        layout.read(recording, "../outside")


def test_a_link_that_came_later_is_not_followed(recording: Path) -> None:
    opened = open_recording(recording)
    (recording / layout.AUDIT_LOG).rename(recording.parent / "log")
    (recording / layout.AUDIT_LOG).symlink_to(recording.parent / "log")
    with pytest.raises(RecordingDamaged, match="cannot be read"):
        opened.read(layout.AUDIT_LOG)


def test_what_unpacks_to_too_much_is_refused(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (recording / "manifest.json").unlink()
    with gzip.open(recording / "manifest.json.gz", "wb") as out:
        for _ in range(40):
            out.write(b"\0" * (1 << 20))
    monkeypatch.setattr(layout, "LIMIT", 8 << 20)
    with pytest.raises(RecordingDamaged, match="holds more than"):
        open_recording(recording)
