"""What the plugin prints of a rules repository that somebody else wrote: ids, reasons, errors, excerpts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import COMMITTED, EXPECTATIONS
from tests.unit.cli.spoken import UNSAFE
from tests.unit.pytest_plugin.conftest import REPLAY, Run

HOSTILE = "\x1b]0;t\x07\r\n::error::ZZZ\u2028\u202e\x9b31m##[error]"
NAME = f"x{HOSTILE}"  # of a file
ATOMIC = "T1059.013/docker-container-execution"


def safe(done: pytest.RunResult) -> None:
    """Nothing but printable text, and no line that is a command to CI, nor one that a line feed of HOSTILE made."""
    printed = "\n".join([*done.outlines, *done.errlines])
    assert "ZZZ" in printed
    assert UNSAFE.findall(printed) == []
    assert re.findall(r"(?m)^\s*(?:::|\\x3a:)", printed) == []
    assert "##[" not in printed


@pytest.fixture
def hostile(proof: Path) -> Path:
    """The rule and its expectations by a hostile name, and hostile names of what they expect."""
    path = proof / EXPECTATIONS.name
    quoted = json.dumps(f"a{HOSTILE}")
    text = path.read_text().replace(
        "name: the daemon created a container that runs whoami, unprivileged", f"name: {quoted}"
    )
    assert quoted in text
    path.unlink()
    (proof / f"{NAME}.expect.yaml").write_text(text)
    (proof / "container-cli-api.yaml").rename(proof / f"{NAME}.yaml")
    return proof


@pytest.mark.parametrize("how", [["-p", "no:xdist", "-v", "-ra"], ["-n", 2, "-v", "-ra"]])
def test_ids_and_failures(hostile: Path, run_apart: Run, how: list[str]) -> None:
    rule = hostile / f"{NAME}.yaml"
    rule.write_text(rule.read_text().replace('"docker exec", "docker run",', '"docker exec",'))
    done = run_apart(*how, hostile, REPLAY, "--livefire-require-all", "--junit-xml=j.xml")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    safe(done)
    assert UNSAFE.findall((hostile.parent / "j.xml").read_text()) == []


@pytest.mark.parametrize(
    "document",
    [
        f"expectations:\n- atomic: {json.dumps(HOSTILE)}\n  {json.dumps(HOSTILE)}: 1\n",
        f"expectations: [{json.dumps(HOSTILE)}\n",
        f"{json.dumps(HOSTILE)}: 1\n",
    ],
)
def test_mistakes_in_a_file(hostile: Path, run: Run, document: str) -> None:
    (hostile / f"{NAME}.expect.yaml").write_text(document)
    done = run(hostile, REPLAY)
    done.assert_outcomes(errors=1)
    safe(done)


def test_files_that_are_left_out(hostile: Path, run: Run) -> None:
    (hostile / f"{NAME}2.expect.yaml").symlink_to("nowhere")
    (hostile / f"{NAME}3.expect.yml").write_text("")
    done = run(hostile, REPLAY)
    done.assert_outcomes(errors=2)
    safe(done)


def test_atomics_that_nobody_expects_and_recordings(pytester: pytest.Pytester, hostile: Path, run: Run) -> None:
    path = hostile / f"{NAME}.expect.yaml"
    path.write_text(path.read_text().replace(f"atomic: {ATOMIC}", f"atomic: {json.dumps(f'T1059.013/a{HOSTILE}')}"))
    (pytester.path / NAME).symlink_to(COMMITTED)
    safe(run(hostile, f"--livefire-recording={pytester.path / NAME}", "-ra", "-v"))


def test_options(hostile: Path, run: Run) -> None:
    safe(run(hostile, f"--livefire-recording={NAME}"))
    safe(run(hostile, "--livefire", f"--livefire-cluster={NAME}"))
