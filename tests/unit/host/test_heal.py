"""What dead ones left is undone, in this state folder and in others; what is alive or kept is left alone."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import interrupts
from harness.capture import makers
from harness.events import Event, LabStep
from harness.host import notes
from harness.host.heal import heal, left_behind
from harness.host.owned_folders import KEPT, OwnedFolder
from harness.host.process import owned_processes

assert makers  # so that a ledger can undo what is in it

KILLED = """
import os, pathlib, sys
from harness import interrupts
from harness.capture import makers
from harness.host import notes
from harness.host.daemons import start_daemon
from harness.host.owned_folders import OwnedFolder
notes.NOTES = pathlib.Path(sys.argv[1])
owned = OwnedFolder.create("run")
owned.ledger.add("daemon", owner=f"{owned.id}/shell")
start_daemon(["sleep", "600"], owner=f"{owned.id}/shell", log=owned.path / "log")
print(owned.path, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with tempfile.TemporaryDirectory(prefix="lf-") as folder:
        monkeypatch.setattr(notes, "NOTES", Path(folder) / "n/made")
        monkeypatch.setenv("LIVEFIRE_STATE", f"{folder}/s")
        yield Path(folder)


def killed(place: Path, state: str) -> Path:
    """The folder that a process left which was killed; with it a process that goes on."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(notes.NOTES)],
        env=os.environ | {"LIVEFIRE_STATE": str(place / state)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == -9
    path = Path(done.stdout.strip())
    assert owned_processes(f"{path.name}/shell")
    return path


@pytest.mark.parametrize("state", ["s", "elsewhere"])
@pytest.mark.parametrize("folder_is_there", [True, False])
def test_what_a_dead_run_left_is_undone_and_told(place: Path, state: str, folder_is_there: bool) -> None:
    path = killed(place, state)
    if not folder_is_there:
        shutil.rmtree(path)
    told: list[Event] = []
    heal(told.append)
    assert owned_processes(f"{path.name}/shell") == []
    assert not path.exists()
    assert isinstance(told[0], LabStep)
    assert path.name in told[0].detail
    if folder_is_there:
        told.clear()
        heal(told.append)
        assert told == []
        assert not notes.NOTES.exists()


def test_what_is_alive_or_kept_is_left_alone(place: Path) -> None:
    alive = OwnedFolder.create("lab")
    kept = killed(place, "elsewhere")
    (kept / KEPT).touch()
    assert left_behind() == []
    assert owned_processes(f"{kept.name}/shell")
    (kept / KEPT).unlink()
    heal(lambda _: None)
    assert alive.path.exists()
    assert alive.undo() == []
    assert not notes.NOTES.exists()


def test_of_another_pid_namespace_nothing_is_known(place: Path) -> None:
    path = killed(place, "elsewhere")
    note = notes.NOTES / path.name
    note.write_text(json.dumps(json.loads(note.read_text()) | {"pids": 1}))
    assert left_behind() == []
    assert OwnedFolder(path).undo() == []


def test_notes_that_another_may_have_written_are_not_believed(place: Path) -> None:
    path = killed(place, "elsewhere")
    notes.NOTES.chmod(0o777)
    assert notes.noted() == {}
    notes.NOTES.chmod(0o700)
    (notes.NOTES / "run-000000").write_text("{")
    (notes.NOTES / "run-000001").write_text((notes.NOTES / path.name).read_text())
    assert list(notes.noted()) == [path.name]
    assert OwnedFolder(path).undo() == []


def test_after_an_interrupt_that_was_swallowed_nothing_more_is_made(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts._state, "raised", "SIGTERM")
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        OwnedFolder.create("lab")
    assert not (place / "s").exists()
