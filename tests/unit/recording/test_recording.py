"""The seal: one byte is enough to be refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import InvalidInput, RecordingDamaged
from harness.recording import RecordingWriter, open_recording
from tests.conftest import COMMITTED

FILES = sorted(str(p.relative_to(COMMITTED)) for p in COMMITTED.rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(COMMITTED, tmp_path_factory.mktemp("r") / "copy"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FILES), st.integers(0), st.integers(1, 255))
def test_any_changed_byte_in_any_file_is_refused(copy: Path, name: str, place: int, change: int) -> None:
    path = copy / name
    original = path.read_bytes()
    data = bytearray(original)
    data[place % len(data)] ^= change
    path.write_bytes(data)
    try:
        with pytest.raises(RecordingDamaged):
            open_recording(copy)
    finally:
        path.write_bytes(original)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
    (folder / name).unlink()
    with pytest.raises(RecordingDamaged):
        open_recording(folder)


def test_a_file_too_many_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
    (folder / "raw/more.log").write_text("x")
    with pytest.raises(RecordingDamaged, match=r"more\.log: is not part of the recording"):
        open_recording(folder)


def test_a_link_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
    path = folder / "raw/auditd.log"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordingDamaged):
        open_recording(folder)


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingDamaged, match="not a recording"):
        open_recording(tmp_path / "nothing")


def test_one_that_was_never_sealed_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
    (folder / "seal").unlink()
    with pytest.raises(RecordingDamaged, match="not sealed"):
        open_recording(folder)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(InvalidInput, match="something here already"):
        RecordingWriter(tmp_path)
    assert (tmp_path / "precious").read_text() == "x"


def test_what_is_sealed_can_be_opened_and_is_private(tmp_path: Path) -> None:
    manifest = open_recording(COMMITTED).manifest
    writer = RecordingWriter(tmp_path / "new")
    writer.file("raw/auditd.log").write_text("line\n")
    writer.seal(manifest)
    opened = open_recording(tmp_path / "new")
    assert opened.manifest.files.keys() == {"raw/auditd.log"}
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
