"""What a ledger does on undoing. The things are of paper: that they are undone is noted, and nothing else happens."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import interrupts
from harness.errors import LabUnavailable
from harness.host import kinds
from harness.host.kinds import What, Whose
from harness.host.ledger import Ledger, LedgerClosed
from harness.host.ledger_lines import CUT_OFF


class Paper:
    """What has been undone, and what else there is to be found."""

    def __init__(self) -> None:
        self.undone: list[str] = []
        self.lost: list[What] = []
        self.acts: dict[str, Callable[[], None]] = {}

    def undo(self, whose: Whose, path: str) -> None:
        assert whose.id == whose.folder.name
        self.acts.get(path, lambda: None)()
        self.undone.append(path)

    def find(self, whose: Whose) -> list[What]:
        assert whose.id == whose.folder.name
        self.acts.get("find", lambda: None)()
        return self.lost


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Paper:
    """Nothing else can be undone while this is there."""
    made = Paper()
    monkeypatch.setattr(kinds, "_UNDOERS", {})
    monkeypatch.setattr(kinds, "_FINDERS", {})
    for kind in ("folder", "daemon"):
        kinds.undoes(kind)(made.undo)
    for kind in ("daemon", "mounts"):
        kinds.finds(kind)(made.find if kind == "daemon" else lambda _: [])
    return made


@pytest.fixture
def ledger(tmp_path: Path, paper: Paper) -> Ledger:
    folder = tmp_path / "lab-0a1b2c"
    folder.mkdir()
    return Ledger(folder / "ledger.jsonl")


def lines(ledger: Ledger) -> list[dict[str, object]]:
    return [json.loads(line) for line in ledger.path.read_bytes().splitlines()]


def failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@contextmanager
def full_after(ledger: Ledger, more: int) -> Iterator[None]:
    """The file can grow by so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ledger.path.stat().st_size + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_made_stands_there_first_and_what_is_undone_too(ledger: Ledger) -> None:
    given = ledger.add("daemon", path="é")
    first, second = lines(ledger), given
    assert [(line["id"], line["kind"], line["what"]) for line in first] == [(given, "daemon", {"path": "é"})]
    assert abs(float(str(first[0]["time"])) - ledger.path.stat().st_mtime) < 60
    ledger.mark_undone(second)
    assert lines(ledger)[1:] == [{"undone": given}]
    assert ledger.path.stat().st_mode & 0o777 == 0o600
    assert ledger.open_entries() == []


def test_what_nothing_could_undo_is_not_made(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match=r"^nothing can undo a spell$"):
        ledger.add("spell", path="a")
    assert not ledger.path.exists()


def test_all_is_undone_the_newest_first_and_the_folder_of_the_ledger_last(ledger: Ledger, paper: Paper) -> None:
    own = str(ledger.path.parent)
    for path in (own, "a", f"{own}/x", "b"):
        ledger.add("folder", path=path)
    ledger.add("daemon", path=own)  # of that name, but no folder
    assert ledger.describe() == [f"daemon: {own}", "folder: b", f"folder: {own}/x", "folder: a", f"folder: {own}"]
    assert ledger.undo() == []
    assert paper.undone == [own, "b", f"{own}/x", "a", own]
    assert ledger.open_entries() == []
    assert ledger.undo() == []
    assert len(paper.undone) == 5


def test_some_are_undone_and_more_may_be_made(ledger: Ledger, paper: Paper) -> None:
    a, _, c, d = (ledger.add("folder", path=path) for path in "abcd")
    paper.acts["d"] = failing(OSError("busy"))
    assert ledger.undo_these([]) == []
    assert ledger.undo_these({a, c, d, "no such"}) == ["folder d: busy"]
    assert paper.undone == ["c", "a"]
    ledger.add("folder", path="e")
    assert [entry.what["path"] for entry in ledger.open_entries()] == ["e", "d", "b"]


def test_each_failure_is_told_and_keeps_what_failed_and_the_folder(ledger: Ledger, paper: Paper) -> None:
    own = str(ledger.path.parent)
    paper.acts = {
        "a": failing(ValueError(" of two\nlines")),
        "b": failing(KeyError()),
        "d": failing(RuntimeError("\n")),
    }
    for path in (own, "a", "b", "c", "d"):
        ledger.add("folder", path=path)
    assert ledger.undo() == ["folder d: RuntimeError", "folder b: KeyError", "folder a: of two"]
    assert paper.undone == ["c"]
    assert [entry.what["path"] for entry in ledger.open_entries()] == ["d", "b", "a", own]


def test_what_stands_in_no_line_is_undone_and_told(ledger: Ledger, paper: Paper) -> None:
    ledger.add("folder", path=str(ledger.path.parent))
    paper.lost = [{"path": "lost"}, {"path": "stuck"}]
    paper.acts["stuck"] = failing(OSError("busy"))
    assert ledger.undo() == [
        "daemon lost: undone, but no line of the ledger named it: more lines may be missing",
        "daemon stuck: busy",
    ]
    assert paper.undone == ["lost"]


def test_that_nobody_can_tell_what_is_left_is_told(ledger: Ledger, paper: Paper) -> None:
    paper.acts["find"] = failing(PermissionError("not permitted"))
    ledger.add("folder", path=str(ledger.path.parent))
    kinds.finds("mounts")(lambda _: [{"path": "mounted"}])
    kinds.undoes("mounts")(paper.undo)
    assert ledger.undo() == [
        "it is not known whether a daemon of lab-0a1b2c is left: not permitted",
        "mounts mounted: undone, but no line of the ledger named it: more lines may be missing",
    ]


@pytest.mark.parametrize("name", ["lab-0a1b2", "lab-0a1b2c3", "other", "LAB-0a1b2c", "my-lab-0a1b2c", "run-0a1b2g"])
def test_only_by_a_name_of_ours_is_anything_looked_for(tmp_path: Path, paper: Paper, name: str) -> None:
    paper.lost = [{"path": "somebody's"}]
    (tmp_path / name).mkdir()
    assert Ledger(tmp_path / name / "ledger.jsonl").undo() == []
    assert "somebody's" not in paper.undone


@pytest.mark.parametrize("written", [None, b"", b"\n"])
def test_without_a_line_the_folder_goes_where_nothing_lies_beside_it(
    ledger: Ledger, paper: Paper, written: bytes | None
) -> None:
    if written is not None:
        ledger.path.write_bytes(written)
        ledger.path.chmod(0o600)
    assert ledger.undo() == []
    assert paper.undone == [str(ledger.path.parent)]


def test_a_folder_that_can_t_be_removed_is_told(ledger: Ledger, paper: Paper) -> None:
    own = str(ledger.path.parent)
    paper.acts[own] = failing(OSError("busy"))
    assert ledger.undo() == [f"folder {own}: busy"]
    other = Ledger(ledger.path)
    other.add("folder", path=own)
    assert other.undo() == [f"folder {own}: busy"]


def test_without_a_line_and_with_things_beside_it_the_folder_stays(ledger: Ledger, paper: Paper) -> None:
    (ledger.path.parent / "log").touch()
    folder = ledger.path.parent
    assert ledger.undo() == [
        f"{folder} has no ledger, or an empty one: what was made is not known, and the folder stays"
    ]
    assert paper.undone == []


def test_a_folder_that_is_gone_is_no_doubt(tmp_path: Path, paper: Paper) -> None:
    assert Ledger(tmp_path / "run-0a1b2c/ledger.jsonl").undo() == []


def test_a_line_that_can_t_be_read_is_told_and_keeps_the_folder(ledger: Ledger, paper: Paper) -> None:
    ledger.add("folder", path=str(ledger.path.parent))
    ledger.add("folder", path="a")
    with ledger.path.open("a") as file:
        file.write("what\n")
    ledger.add("folder", path="b")
    doubt = f"{ledger.path}:3 can't be read, so what it names can't be undone"
    assert ledger.describe()[-1] == doubt
    assert ledger.undo() == [doubt]
    assert paper.undone == ["b", "a"]


def test_a_ledger_that_is_none_of_ours_is_not_read(ledger: Ledger, paper: Paper) -> None:
    ledger.add("folder", path="a")
    ledger.path.chmod(0o666)
    assert ledger.undo() == [f"{ledger.path} can't be read: not a file that only we may write"]
    assert paper.undone == []


def test_a_link_in_its_place_is_not_written_to(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    ledger.path.symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        ledger.add("folder", path="a")
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("cut_off", [b"x", b'{"id": 1'])
def test_a_line_that_was_cut_off_is_ended_before_the_next(ledger: Ledger, cut_off: bytes) -> None:
    ledger.path.write_bytes(cut_off)
    ledger.path.chmod(0o600)
    given = ledger.add("folder", path="a")
    ledger.add("folder", path="b")
    first, note, *_ = ledger.path.read_bytes().split(b"\n")
    assert (first, note) == (cut_off, CUT_OFF)
    assert [entry.what["path"] for entry in ledger.open_entries()] == ["b", "a"]
    assert ledger.open_entries()[-1].id == given


def test_without_space_nothing_is_made(ledger: Ledger) -> None:
    ledger.add("folder", path="a")
    with full_after(ledger, 9), pytest.raises(LabUnavailable) as caught:
        ledger.add("folder", path="b")
    assert caught.value.message == f"{ledger.path} can't be written: no space is left"
    assert len(ledger.open_entries()) == 1


@pytest.mark.parametrize("more", [0, 9])
def test_what_was_undone_on_a_full_disk_is_no_failure_and_is_undone_once_more(
    ledger: Ledger, paper: Paper, more: int
) -> None:
    ledger.add("folder", path="a")
    with full_after(ledger, more):
        assert ledger.undo() == []
    assert Ledger(ledger.path).undo() == []
    assert paper.undone == ["a", "a"]


def test_once_it_is_closed_nothing_is_made(ledger: Ledger) -> None:
    assert ledger.close() == ledger.close() == []
    with pytest.raises(LedgerClosed, match=r"^lab-0a1b2c is being taken down: no daemon is made"):
        ledger.add("daemon", path="a")
    assert not ledger.path.exists()


def test_those_that_make_things_are_ended_first_and_once_and_what_would_not_end_is_told(
    ledger: Ledger, paper: Paper
) -> None:
    def stop() -> list[str]:
        paper.undone.append("makers")
        return ["one goes on"]

    ledger.on_close(stop)
    ledger.on_close(lambda: ["another, too"])
    ledger.add("folder", path="a")
    assert ledger.undo() == ["one goes on", "another, too"]
    assert paper.undone == ["makers", "a"]
    assert ledger.close() == []


def test_a_signal_waits_until_all_is_undone_and_is_told_so(
    ledger: Ledger, paper: Paper, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(interrupts, "_state", interrupts._State())
    paper.acts["b"] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    for path in ("a", "b"):
        ledger.add("folder", path=path)
    with interrupts.handled(), pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        ledger.undo()
    assert paper.undone == ["b", "a"]
    assert capfd.readouterr().err == "\nstill undoing\n"
