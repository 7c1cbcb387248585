"""`livefire prove`, `livefire lint` and pytest read the same files of a folder, and complain of the same ones."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import COMMITTED, PROJECT

EXAMPLE = PROJECT / "examples/rules-repository/rules"
RULE = "privileged-container"
# root reads what it may not, by its capabilities
BARE = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
NO_FILE, DENIED = "cannot be read: No such file or directory", "cannot be read: Permission denied"


def put(folder: Path, name: str = RULE) -> Path:
    """The example's rule and expectations under another name; returns the expectations."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(EXAMPLE / f"{RULE}.yaml", folder / f"{name}.yaml")
    return Path(shutil.copy(EXAMPLE / f"{RULE}.expect.yaml", folder / f"{name}.expect.yaml"))


def tell(folder: Path, recordings: Path = COMMITTED) -> dict[str, tuple[int, str]]:
    """Exit code and output of each that reads a folder of rules."""
    livefire = [sys.executable, "-m", "harness.cli.main"]
    commands = {
        "lint": [*livefire, "lint", "rules"],
        "prove": [*livefire, "prove", str(recordings), "--expectations", "rules"],
        "pytest": [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "rules"),
            f"--livefire-recording={recordings}",
        ],
    }
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "COLUMNS": "200"}
    found = {}
    for name, command in commands.items():
        done = subprocess.run(
            [*BARE, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        found[name] = done.returncode, done.stdout + done.stderr
    return found


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file that pytest finds its root by; what was made unreadable is readable in the end."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    yield tmp_path
    for folder in tmp_path.glob("**/closed*"):
        folder.chmod(0o755)


COMPLAINTS = {
    "rules/closed": DENIED,
    "rules/deep/down/closed": DENIED,
    "rules/dangling.expect.yaml": NO_FILE,
    "rules/dangling.yaml": NO_FILE,
    "rules/deep/folder.expect.yaml": "is no regular file",
    "rules/deep/closed.expect.yaml": DENIED,
    "rules/misnamed.expect.yml": "expectations are called NAME.expect.yaml",
    "rules/deep/shout.EXPECT.YAML": "expectations are called NAME.expect.yaml",
}


def test_the_same_is_complained_about(here: Path) -> None:
    rules = here / "rules"
    put(rules)
    for name in COMPLAINTS:
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        match path.name:
            case "closed":
                put(path)
                path.chmod(0)
            case "closed.expect.yaml":
                put(path.parent, "closed").chmod(0)
            case "folder.expect.yaml":
                os.mkfifo(path)
            case "dangling.expect.yaml" | "dangling.yaml":
                path.symlink_to("nowhere")
            case _:
                path.write_text("expectations: []")
    put(rules / ".hidden").write_text("expectations: [")
    for who, (code, output) in tell(here).items():
        assert code == 2, (who, output)
        told = set(re.findall(r"(?m)^(?:error: )?(rules/[^:\s]*): (?:cannot|is no|expectations are)", output))
        assert told == COMPLAINTS.keys(), (who, output)
        assert all(f"{name}: {said}" in output for name, said in COMPLAINTS.items()), (who, output)
        assert "Traceback" not in output


def test_the_same_is_read(here: Path) -> None:
    """However deep, behind a link, in a folder that pytest does not look into by itself; nothing that is hidden."""
    put(here / "rules/one/two/three")
    put(here / "elsewhere", "linked")
    (here / "rules/link").symlink_to(here / "elsewhere")
    (here / "elsewhere/again").symlink_to(here / "elsewhere")  # a circle
    put(here / "rules/.hidden").write_text("expectations: [")
    for who, (code, output) in tell(here).items():
        assert code == 0, (who, output)
        if who != "lint":
            assert "privileged-container" in output
            assert "linked" in output
    assert "6 expectations" in tell(here)["lint"][1]


def test_a_folder_that_pytest_does_not_search_is_named(here: Path) -> None:
    put(here / "rules/build")
    told = tell(here)
    assert told["prove"][0] == told["lint"][0] == 0
    code, output = told["pytest"]
    assert code == 2
    assert "rules/build/privileged-container.expect.yaml: pytest does not search this folder" in output
    (here / "pytest.ini").write_text("[pytest]\nnorecursedirs = .*\n")
    assert tell(here)["pytest"][0] == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("week/unfinished", "not a recording: there is no manifest.json"),
        ("week/closed", DENIED),
        (".hidden/unfinished", ""),
    ],
)
def test_the_same_recordings_are_found(here: Path, name: str, said: str) -> None:
    put(here / "rules")
    nights = here / "nights"
    shutil.copytree(COMMITTED, nights / "deep/down/good")
    (nights / name / "raw").mkdir(parents=True)
    (nights / name / "tables").mkdir()
    if "closed" in name:
        (nights / name).chmod(0)
    told = tell(here, nights)
    assert bool(said) == bool(told["prove"][0]) == bool(told["pytest"][0]), told
    for who in ("prove", "pytest"):
        assert not said or f"nights/{name}: {said}" in told[who][1], told[who]
