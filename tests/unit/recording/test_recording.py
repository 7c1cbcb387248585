"""The seal: one byte is enough to be refused."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import InvalidInput, RecordingDamaged
from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.recording import RecordingWriter, open_recording
from tests.conftest import COMMITTED, EXPECTATIONS

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


def packed(folder: Path, name: str, content: bytes | None = None) -> Path:
    """Store a file of a copy of the recording as .gz, perhaps with another content."""
    path = folder / name
    target = path.with_name(f"{path.name}.gz")
    target.write_bytes(gzip.compress(path.read_bytes() if content is None else content))
    path.unlink()
    return target


def test_a_file_may_be_packed(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
    for name in FILES:
        if name.startswith("raw/") or name == "manifest.json":
            packed(folder, name)
    result = prove(open_recording(folder), load_expectations(EXPECTATIONS), from_raw=True)
    assert result.summary == {"PROVEN": 3}
    assert open_recording(folder).read("raw/auditd.log") == (COMMITTED / "raw/auditd.log").read_bytes()


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"not gzip", lambda data: data + data])
def test_a_packed_file_that_holds_something_else_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    folder = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
    target = packed(folder, "raw/auditd.log")
    target.write_bytes(damage(target.read_bytes()))
    with pytest.raises(RecordingDamaged, match="does not match its hash"):
        open_recording(folder)


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"not gzip"])
def test_a_packed_manifest_that_holds_something_else_is_refused(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    folder = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
    target = packed(folder, "manifest.json")
    target.write_bytes(damage(target.read_bytes()))
    with pytest.raises(RecordingDamaged, match="the manifest does not match the seal"):
        open_recording(folder)


def test_a_packed_file_beside_the_plain_one_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
    (folder / "raw/auditd.log.gz").write_bytes(gzip.compress(b"other"))
    with pytest.raises(RecordingDamaged, match="is not part of the recording"):
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
