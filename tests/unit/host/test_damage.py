"""A ledger that is damaged: what can be read is undone, the rest is found by its owner's name, and doubts are told.

The things are real; root makes more of them.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from harness.capture import makers
from harness.cli.app import app
from harness.errors import LabUnavailable, Refused
from harness.host.ledger import Ledger
from harness.host.ledger_lines import parse
from harness.host.owned_folders import OwnedFolder, owned_folders
from tests.unit.host.things import Things, sleeper

assert makers  # each kind of thing can be undone


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lf-") as folder:  # short: the length is limited
        monkeypatch.setenv("LIVEFIRE_STATE", f"{folder}/s")
        monkeypatch.setattr("harness.host.locks.CAPTURING", Path(folder) / "captures")
        yield Path(folder) / "s"


@pytest.fixture
def things(state: Path) -> Iterator[Things]:
    made = Things(OwnedFolder.create("lab"))
    yield made
    made.remove()


def clean() -> Result:
    return CliRunner().invoke(app, ["clean"])


def lines(ledger: Ledger) -> list[bytes]:
    return ledger.path.read_bytes().splitlines(keepends=True)


def replaced(number: int, by: bytes) -> Callable[[Ledger], None]:
    def damage(ledger: Ledger) -> None:
        found = lines(ledger)
        found[number] = by
        ledger.path.write_bytes(b"".join(found))

    return damage


def entry(kind: str, **what: object) -> bytes:
    return json.dumps({"id": "ff", "kind": kind, "what": what}).encode() + b"\n"


def written(data: bytes) -> Callable[[Ledger], None]:
    def damage(ledger: Ledger) -> None:
        ledger.path.write_bytes(data)

    return damage


def folder_in_its_place(ledger: Ledger) -> None:
    ledger.path.unlink()
    ledger.path.mkdir()


def linked(ledger: Ledger) -> None:
    elsewhere = ledger.path.with_name("elsewhere")
    ledger.path.rename(elsewhere)
    ledger.path.symlink_to(elsewhere)


def cut_off(ledger: Ledger) -> None:
    ledger.path.write_bytes(ledger.path.read_bytes()[:-9])


def without_last(ledger: Ledger) -> None:
    ledger.path.write_bytes(b"".join(lines(ledger)[:-1]))


def unreadable_kubeconfig(ledger: Ledger) -> None:
    kubeconfig = ledger.path.with_name("kubeconfig")
    kubeconfig.write_bytes(b"\xff\xfe: [")
    ledger.add("kube_objects", kubeconfig=str(kubeconfig), run_id=ledger.path.parent.name)


DAMAGES: dict[str, Callable[[Ledger], None]] = {
    "nothing readable": written(b"\x00\x01\x02\n" * 5),
    "line replaced": replaced(2, b"what is this\n"),
    "line of the daemon replaced": replaced(4, b"{}\n"),
    "first line replaced": replaced(0, b"[1, 2]\n"),
    "not UTF-8": replaced(3, b'{"id": "\xff", "kind": "folder", "what": {}}\n'),
    "half a character": replaced(1, b'{"id": 1, "kind": "bridge", "what": {"name": "\xc3"}}\n'),
    "nested too deeply": replaced(1, b"[" * 100_000 + b"\n"),
    "number too long": replaced(1, b'{"undone": ' + b"9" * 5000 + b"}\n"),
    "empty": written(b""),
    "deleted": lambda ledger: ledger.path.unlink(),
    "a folder": folder_in_its_place,
    "a link": linked,
    "others may write": lambda ledger: ledger.path.chmod(0o666),
    "cut off in the daemon's line": cut_off,
    "without the daemon's line": without_last,
    "unknown kind": replaced(1, entry("spell", name="x")),
    "foreign value": replaced(4, entry("daemon", owner=7)),
    "missing value": replaced(4, entry("daemon")),
    "further value": replaced(1, entry("bridge", name="lf-000000", other=1)),
    "what is no object": replaced(1, b'{"id": "ff", "kind": "bridge", "what": "lf-000000"}\n'),
    "kind is no text": replaced(1, b'{"id": "ff", "kind": ["bridge"], "what": {}}\n'),
    "id is no id": replaced(1, b'{"id": null, "kind": "bridge", "what": {}}\n'),
    "NUL in a path": replaced(1, entry("folder", path="/tmp/\x00")),
    "a kubeconfig that can't be read": unreadable_kubeconfig,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_all_that_carries_the_owner_s_name_is_undone_and_doubt_is_told(things: Things, damage: str) -> None:
    assert "process" in things.left()
    DAMAGES[damage](things.owned.ledger)
    done = clean()
    assert things.left() == []
    assert isinstance(done.exception, LabUnavailable), done.output
    assert done.exception.exit_code == 3
    assert f"\n  {things.owned.id}: " in str(done.exception)
    assert str(things.owned.path) in done.exception.hint
    assert "partly undone" in done.output
    assert things.owned.path.exists()  # what is not known stays for the user to look at
    again = clean()
    if not damage.startswith(("without", "cut off")):  # by then all has been undone
        assert isinstance(again.exception, LabUnavailable), again.output


def test_one_that_is_whole_is_undone_without_a_word(things: Things) -> None:
    done = clean()
    assert done.exit_code == 0, done.exception
    assert done.output == f"{things.owned.id}: undone\n"
    assert things.left() == []
    assert not things.owned.path.parent.exists()


def test_runs_are_undone_in_the_order_of_time(state: Path) -> None:
    made = [OwnedFolder.create(kind) for kind in ("run", "lab", "run", "run", "lab", "run", "run", "run")]
    assert [owned.id for owned in owned_folders()] == [owned.id for owned in made]
    done = clean()
    assert done.output.splitlines() == [f"{owned.id}: undone" for owned in reversed(made)]


@pytest.mark.skipif(os.geteuid() != 0, reason="sets a setting of the kernel")
def test_after_two_crashes_in_a_row_a_setting_is_what_it_was(state: Path) -> None:
    setting = Path("/proc/sys/kernel/panic")
    before = setting.read_text()
    try:
        for crashed in ("7", "8", "9", "10"):  # a random order would be right one time in 24
            OwnedFolder.create("run").ledger.add("sysctl", name="kernel.panic", value=setting.read_text().strip())
            setting.write_text(crashed)
        assert clean().exit_code == 0
        assert setting.read_text() == before
    finally:
        setting.write_text(before)


def test_others_processes_are_left_alone(state: Path) -> None:
    owned = OwnedFolder.create("run")
    theirs = sleeper("run-ffffff/shell")
    try:
        owned.ledger.add("daemon", owner="run-ffffff/shell")
        problems = owned.undo()
        assert [problem for problem in problems if "it is not a process of" in problem]
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()


def test_each_error_is_collected_and_nothing_is_left_for_the_sake_of_another(things: Things) -> None:
    things.owned.ledger.add("folder", path="/nonexistent/elsewhere")
    socket = str(things.owned.path / "nobody.sock")
    things.owned.ledger.add("container", socket=socket, id="0" * 64)  # docker.errors.DockerException
    inner = things.owned.path / "inner"
    inner.mkdir()
    things.owned.ledger.add("folder", path=str(inner))
    problems = things.owned.undo()
    assert len(problems) == 2, problems
    assert things.left() == []
    assert not inner.exists()
    kinds = [each.kind for each in things.owned.ledger.open_entries()]
    assert kinds == ["container", "folder", "folder"]  # those that failed, and the one in which the ledger lies


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    reading = parse(data, "ledger")
    assert reading.blank or reading.entries or reading.doubts or b"undone" in data


@pytest.mark.parametrize("name", ["run-logs", "lab-notes", "run-123456", "run-abcdef-old", "run-ABCDEF"])
def test_a_folder_of_the_user_s_is_not_touched(state: Path, name: str) -> None:
    state.mkdir()
    folder = state / name
    folder.mkdir(mode=0o755)
    (folder / "log").write_text("precious")
    (state / "lock").write_text("4711\n")
    done = clean()
    assert done.exit_code == 0, done.exception
    assert (folder / "log").read_text() == "precious"
    assert (state / "lock").read_text() == "4711\n"
    assert {path.name for path in state.iterdir()} == {name, "lock"}


def test_an_empty_state_folder_of_the_user_s_stays(state: Path) -> None:
    state.mkdir()
    assert clean().exit_code == 0
    assert state.is_dir()


def test_a_lock_that_is_not_ours_is_not_overwritten(state: Path) -> None:
    state.mkdir()
    (state / "livefire.lock").write_text("precious")
    assert isinstance(clean().exception, Refused)
    assert (state / "livefire.lock").read_text() == "precious"
