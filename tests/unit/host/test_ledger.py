"""The ledger, on folders: what it undoes needs no root."""

import json
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.capture import makers
from harness.errors import LabUnavailable, Refused
from harness.host.ledger import Ledger, LedgerClosed
from harness.host.owned_folders import KEPT, OwnedFolder, add_left_behind, exclusive, owned_folders, undo_unfinished

assert makers  # each kind of thing can be undone


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
    assert [entry.what["path"] for entry in ledger.open_entries()] == [str(inner), str(inner.parent)]
    assert ledger.undo() == []
    assert not inner.parent.exists()
    assert ledger.open_entries() == []


def test_refuses_what_it_could_not_undo(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing can undo a spell"):
        Ledger(tmp_path / "ledger.jsonl").add("spell", name="x")


def test_threads_that_write_at_once_get_an_id_and_a_line_each(tmp_path: Path) -> None:
    ledgers = [Ledger(tmp_path / "ledger.jsonl") for _ in range(2)]  # as two processes would have
    begin = threading.Barrier(8)

    def write(thread: int) -> list[str]:
        begin.wait()
        return [ledgers[thread % 2].add("folder", path=f"{tmp_path}/{thread}-{each}") for each in range(25)]

    with ThreadPoolExecutor(8) as pool:
        given = [each for ids in pool.map(write, range(8)) for each in ids]
    assert len(set(given)) == 200
    entries = ledgers[0].open_entries()
    assert sorted(str(entry.id) for entry in entries) == sorted(given)
    assert len({entry.what["path"] for entry in entries}) == 200


def test_nothing_is_written_once_it_is_closed_and_undoing_closes_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add("folder", path=str(tmp_path / "a"))
    ledger.close()
    with pytest.raises(LedgerClosed, match="no folder is made"):
        ledger.add("folder", path=str(tmp_path / "b"))
    assert [entry.what for entry in ledger.open_entries()] == [{"path": str(tmp_path / "a")}]
    other = Ledger(tmp_path / "ledger.jsonl")
    assert other.undo() == []
    with pytest.raises(LedgerClosed):
        other.add("folder", path=str(tmp_path / "c"))


def test_a_line_that_was_cut_off_does_not_swallow_the_next(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add("folder", path=str(tmp_path / "a"))
    whole = ledger.path.read_bytes()
    for length in range(1, len(whole)):  # cut off in each place, the last one but the newline
        ledger.path.write_bytes(whole + whole[:length])
        ledger.add("folder", path=str(tmp_path / "b"))
        reading = ledger.read()
        paths = [entry.what["path"] for entry in reading.entries]
        assert paths[0] == str(tmp_path / "b")
        assert set(paths[1:]) == {str(tmp_path / "a")}
        assert reading.doubts == ()


def test_of_two_entries_with_one_id_none_is_taken_for_undone(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    lines: list[dict[str, object]] = [{"id": 3, "kind": "folder", "what": {"path": f"{tmp_path}/{n}"}} for n in "ab"]
    ledger.path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"undone": 3}]))
    ledger.path.chmod(0o600)
    assert len(ledger.open_entries()) == 2
    assert ledger.undo() == []
    assert ledger.open_entries() == []


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
    assert [entry.kind for entry in owned.ledger.open_entries()] == ["sysctl", "folder"]


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
    inside = run.path / "inside"
    run.ledger.add("folder", path=str(inside))
    inside.mkdir()
    bare.ledger.path.unlink()  # interrupted before its first line
    assert undo_unfinished() == []
    assert not inside.exists()
    assert [owned.path for owned in owned_folders()] == [kept.path]
    assert kept.undo() == []
    assert undo_unfinished() == []


def test_an_error_on_its_way_tells_what_was_left_behind(state: Path) -> None:
    owned = OwnedFolder.create("run")
    owned.ledger.add("folder", path="/nonexistent/elsewhere")
    error, fault = Refused("no", hint="Ask."), KeyError("x")
    remains = owned.undo()
    assert len(remains) == 1
    for each in (error, fault):
        add_left_behind(each, remains)
    assert str(error) == f"no\n  left behind: {remains[0]}\n  Ask.\n  Run `livefire clean`."
    assert fault.__notes__ == [f"left behind: {remains[0]}"]
    add_left_behind(error, [])
    assert str(error).count("left behind") == 1
