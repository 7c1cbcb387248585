"""The ledger, on folders: what it undoes needs no root."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.capture.ledger import Ledger
from harness.capture.state import KEPT, OwnedFolder, exclusive, owned_folders, undo_unfinished
from harness.errors import LabUnavailable


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lf-") as folder:  # short: the length is limited
        monkeypatch.setenv("LIVEFIRE_STATE", f"{folder}/s")
        yield Path(folder) / "s"


def test_a_state_folder_too_long_for_sockets_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEFIRE_STATE", str(tmp_path / ("x" * 60)))
    with pytest.raises(LabUnavailable, match="the path of the state folder is too long"):
        OwnedFolder.create("lab")


def test_undoes_the_newest_first_and_only_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    inner = tmp_path / "outer" / "inner"
    ledger.add("folder", path=str(inner.parent))
    ledger.add("folder", path=str(inner))
    inner.mkdir(parents=True)
    assert [entry["what"]["path"] for entry in ledger.open_entries()] == [str(inner), str(inner.parent)]
    assert ledger.undo() == []
    assert not inner.parent.exists()
    assert ledger.open_entries() == []


def test_refuses_what_it_could_not_undo(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing can undo a spell"):
        Ledger(tmp_path / "ledger.jsonl").add("spell", name="x")


def test_a_line_cut_off_by_a_crash_does_not_hide_the_others(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add("folder", path=str(tmp_path / "a"))
    with ledger.path.open("a") as file:
        file.write('{"id": 1, "kind": "fol')
    assert len(ledger.open_entries()) == 1
    assert ledger.undo() == []


def test_what_fails_stays_open_and_keeps_the_folder_with_the_ledger(tmp_path: Path, state: Path) -> None:
    owned = OwnedFolder.create("lab")
    owned.ledger.add("sysctl", name="no.such.setting", value="1")
    problems = owned.ledger.undo()
    assert len(problems) == 1
    assert "no.such.setting" in problems[0]
    assert owned.path.exists()
    assert [entry["kind"] for entry in owned.ledger.open_entries()] == ["sysctl", "folder"]


def test_an_owned_folder_is_private_and_vanishes_with_its_ledger(state: Path) -> None:
    owned = OwnedFolder.create("run")
    assert owned.path.stat().st_mode & 0o777 == 0o700
    assert [found.id for found in owned_folders()] == [owned.id]
    assert owned.ledger.undo() == []
    assert not owned.path.exists()
    assert owned_folders() == []


def test_a_second_holder_of_the_lock_is_refused_and_nothing_remains(state: Path) -> None:
    with exclusive(), pytest.raises(LabUnavailable, match=r"another Livefire is at work here \(pid \d+, "), exclusive():
        pass
    assert not state.exists()
    with exclusive():
        pass


def test_what_an_interrupted_process_left_behind_is_undone_and_what_is_kept_is_not(state: Path) -> None:
    kept, run, bare = OwnedFolder.create("lab"), OwnedFolder.create("run"), OwnedFolder.create("run")
    (kept.path / KEPT).touch()
    outside = state.parent / "outside"
    run.ledger.add("folder", path=str(outside))
    outside.mkdir()
    bare.ledger.path.unlink()  # interrupted before its first line
    assert undo_unfinished() == []
    assert not outside.exists()
    assert [owned.path for owned in owned_folders()] == [kept.path]
    assert kept.undo() == []
    assert undo_unfinished() == []
