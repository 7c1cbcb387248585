"""What a command loads, and pytest: a help no engine and no client, and no command more than it works with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

# Each is slow to load, and a part of Livefire is slow with it.
ENGINE = {"duckdb", "duckdb_kql", "antlr4"}
CLIENTS = {"docker", "kubernetes", "requests", "websocket"}
PAGES = {"jinja2"}
MODELS = {"harness.model.expectation", "harness.model.manifest", "harness.model.result"}
TERMINAL = {"rich"}
HEAVY = ENGINE | CLIENTS | PAGES | MODELS | TERMINAL

_PROGRAM = """
import sys
from harness.cli import main
sys.argv = ["livefire", *sys.argv[1:]]
main._run()
open(3, "w").write("\\n".join(sys.modules))
"""
COMMANDS = "run evade capture prove query tables mutate schedule diff history report list lint doctor clean".split()
LAB = [f"lab {name}" for name in ("up", "down", "pull", "status")]


def loaded(words: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    script = f"exec 3>&1 >&2; exec {sys.executable} -c '{_PROGRAM}' {words}"
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(PROJECT), "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    modules = set(done.stdout.split("\n"))
    assert "harness.cli.main" in modules, done.stderr
    return modules


@pytest.mark.parametrize("words", ["", "--version", *COMMANDS, "lab", *LAB])
def test_a_help_loads_nothing_that_is_heavy(words: str) -> None:
    modules = loaded(words if words == "--version" else f"{words} --help")
    assert modules & HEAVY == set()


def test_the_help_of_all_commands_loads_none_of_them() -> None:
    modules = loaded("--help")
    assert not [name for name in modules if name.endswith("_requests")]
    assert "pydantic" not in modules


@pytest.mark.parametrize(
    ("words", "needed", "heavy"),
    [
        ("list", MODELS - {"harness.model.manifest", "harness.model.result"}, ENGINE | CLIENTS | PAGES),
        ("lint expectations", ENGINE, CLIENTS | PAGES),
        ("doctor", {"docker"}, ENGINE | PAGES | {"kubernetes", "websocket"}),
    ],
)
def test_a_command_loads_what_it_works_with(words: str, needed: set[str], heavy: set[str]) -> None:
    modules = loaded(words)
    assert needed <= modules
    assert modules & heavy == set()


def test_a_pytest_that_judges_nothing_loads_nothing_that_is_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_modules.py").write_text(
        f"import sys\n\n\ndef test_modules():\n    assert not sys.modules.keys() & {HEAVY | {'pydantic'}!r}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "harness.pytest_plugin"]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "1 passed" in done.stdout, done.stdout
