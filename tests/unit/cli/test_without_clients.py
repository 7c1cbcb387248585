"""An installation without the clients of Docker and Kubernetes: it judges, and says what a live run needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import COMMITTED, EXPECTATIONS, PROJECT

_REFUSING = """
import sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Refusing())
"""
_LIVEFIRE = """
from harness.cli.main import main
sys.argv[0] = "livefire"
main()
"""
_PYTEST = """
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""
BOTH = ("docker", "kubernetes")
RULE = EXPECTATIONS.with_name("container-cli-api.yaml")


def without(program: str, *words: str | Path, refused: tuple[str, ...] = BOTH) -> subprocess.CompletedProcess[str]:
    """Run a program to which these packages are not installed."""
    command = [sys.executable, "-c", _REFUSING.format(refused=refused) + program, *map(str, words)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(PROJECT), "LANG": "C.UTF-8"}
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["prove", COMMITTED], 1, "6 PROVEN"),  # it holds no benign run
        (["lint", EXPECTATIONS.parent], 0, "no mistakes found"),
        (["list"], 0, "T1059.013/docker-privileged-container-creation"),
        (["mutate", "--help"], 0, "--minimum-score"),
        (["run", "--help"], 0, "--cluster"),
        (["schedule", RULE, COMMITTED, "--draws", "1"], 0, "container-cli-api"),
    ],
)
def test_who_only_judges_needs_no_client(words: list[str | Path], code: int, said: str) -> None:
    done = without(_LIVEFIRE, *words)
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr


def test_pytest_collects_and_judges_a_recording() -> None:
    done = without(_PYTEST, EXPECTATIONS, f"--livefire-recording={COMMITTED}", "-q", "-k", "seen", "-pno:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.parametrize(
    "words",
    [["run"], ["evade", "T1059.013"], ["capture", "-o", "x"], ["lab", "up"], ["lab", "status"], ["doctor"], ["clean"]],
)
def test_a_live_command_says_in_one_line_what_to_install(words: list[str]) -> None:
    done = without(_LIVEFIRE, *words)
    said = "error: a live run needs the Python packages docker and kubernetes: pip install 'livefire[lab]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", said)


def test_the_one_that_is_missing_is_named() -> None:
    done = without(_LIVEFIRE, "run", "--dry-run", refused=("kubernetes",))
    assert done.stderr == "error: a live run needs the Python package kubernetes: pip install 'livefire[lab]'\n"


def test_pytest_says_the_same_before_it_collects() -> None:
    done = without(_PYTEST, EXPECTATIONS, "--livefire", "-pno:cacheprovider")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--livefire: a live run needs the Python packages docker and kubernetes: pip install" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_called_docker_is_no_client(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    program = f"sys.path = [{str(tmp_path)!r}, *(p for p in sys.path if 'site-packages' not in p)]\n"
    program += "from harness.lab.clients import require_clients\nrequire_clients()"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys\n{program}"],
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "a live run needs the Python packages docker and kubernetes" in done.stderr
