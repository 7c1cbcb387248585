"""Each script says what it does, and does nothing for a word that it does not know."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PROJECT

SCRIPTS = (
    "run",
    "test",
    "setup",
    "bench",
    "build-kubernetes",
    "build-node-image",
    "fetch-kind",
    "mutation-test",
    "nightly",
    "rebuild-tables",
    "reference",
)
# What takes no argument of another program, and a word that it must refuse.
STRICT = ("setup", "build-kubernetes", "build-node-image", "fetch-kind", "nightly", "bench", "mutation-test")


def script(name: str, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Without root's tools and with an empty cache: whatever it would set up or build would fail or be seen."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "80"}
    command = [str(PROJECT / "scripts" / name), *arguments]
    return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=20, check=False)


def test_these_are_all() -> None:
    found = {path.name for path in (PROJECT / "scripts").iterdir() if os.access(path, os.X_OK) and path.is_file()}
    assert found == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_printed_and_nothing_done(name: str, option: str, tmp_path: Path) -> None:
    done = script(name, option, home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"scripts/{name}" in done.stdout
    assert "sage:" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    assert not done.stdout.startswith("#")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", STRICT)
@pytest.mark.parametrize("arguments", [["--frob"], ["frob"], ["frob", "--check"]])
def test_an_unknown_word_is_refused(name: str, arguments: list[str], tmp_path: Path) -> None:
    done = script(name, *arguments, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "frob" in done.stderr
    assert f"scripts/{name}" in done.stderr or name == "bench"
    assert len(done.stderr.splitlines()) == 1 or name == "bench"
    assert list(tmp_path.iterdir()) == []


def test_run_says_where_its_arguments_go(tmp_path: Path) -> None:
    assert "livefire run" in script("run", "--help", home=tmp_path).stdout
    assert "pytest" in script("test", "--help", home=tmp_path).stdout
