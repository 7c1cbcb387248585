"""A rule that was made to run for ever: each command ends at the limit, or at once when somebody ends it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import COMMITTED, PROJECT

LIVEFIRE = [sys.executable, "-m", "harness.cli.main"]
NAME = "privileged-container"
_SLOW = """  | extend k = 1
  | join kind=inner (DeviceProcessEvents | where ProcessCommandLine has "docker" | extend k = 1) on k
  | join kind=leftouter (range a from 1 to 100000000000000 step 1 | where a % 7 == 9 | extend k = 1) on k
"""
_LARGE = """  | extend k = 1
  | join kind=inner (range a from 1 to 1000000000000 step 1 | extend k = 1) on k
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The example's rule and its expectations."""
    folder = tmp_path / "rules"
    shutil.copytree(PROJECT / "examples/rules-repository/rules", folder)
    return folder


def spoil(rules: Path, with_: str) -> str:
    """Put lines into the rule's query. Returns where the query begins."""
    path = rules / f"{NAME}.yaml"
    text = path.read_text().replace("  | extend HostNetwork", f"{with_}  | extend HostNetwork")
    path.write_text(text)
    return f"{path}:{text.splitlines().index('query: |') + 2}:3"


def commands(rules: Path, several: Path) -> dict[str, list[str]]:
    """The commands that judge; `several` is where two recordings may be put."""
    for name in ("a", "b"):
        shutil.copytree(COMMITTED, several / name, dirs_exist_ok=True)
    rule = str(rules / f"{NAME}.yaml")
    return {
        "prove": ["prove", str(COMMITTED), "--expectations", str(rules)],
        "from raw": ["prove", str(COMMITTED), "--from-raw", "--expectations", str(rules)],
        "prove several": ["prove", str(several), "--expectations", str(rules)],
        "mutate": ["mutate", rule, str(COMMITTED)],
        "schedule": ["schedule", rule, str(COMMITTED)],
    }


@pytest.mark.parametrize("command", ["prove", "prove several", "mutate", "schedule"])
@pytest.mark.parametrize(
    ("with_", "option", "said"),
    [
        (_SLOW, "--query-timeout=4s", "a query took more than 4s"),
        (_LARGE, "--query-memory=64MB", "a query took more than 64 MB of memory"),
    ],
    ids=["time", "memory"],
)
def test_a_rule_ends_at_its_limit(
    command: str, with_: str, option: str, said: str, rules: Path, tmp_path: Path
) -> None:
    place = spoil(rules, with_)
    words = [*LIVEFIRE, *commands(rules, tmp_path / "several")[command], option]
    done = subprocess.run(words, capture_output=True, text=True, timeout=150, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    name = option.split("=")[0]
    assert done.stderr.endswith(f"error: {place}: {said}\n  Make it cheaper, or allow for more by {name}.\n")


def test_lint_names_a_query_that_takes_too_long(rules: Path) -> None:
    path = rules / f"{NAME}.expect.yaml"
    endless = "range x from 1 to 100000000000 step 1 | where x % 7 == 9 | extend Privileged = true"
    old = '| where Source == "inspect" and Action == "create" and Privileged\n'
    path.write_text(path.read_text().replace(old, f"{old}          | union ({endless})\n"))
    words = [*LIVEFIRE, "lint", str(rules), "--query-timeout", "4s"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 2
    assert f"{path}:7:9: a query took more than 4s" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_plugin_has_the_limits(rules: Path) -> None:
    spoil(rules, _SLOW)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "fired", str(rules)]
    words += [f"--livefire-recording={COMMITTED}", "--livefire-query-timeout=4s"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=150, check=False, cwd=rules)
    assert done.returncode == 1
    assert f"not judged: {NAME}.yaml:21:3: a query took more than 4s" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("command", ["prove", "from raw", "prove several", "mutate", "schedule"])
def test_a_signal_ends_a_query_at_once(command: str, number: signal.Signals, rules: Path, tmp_path: Path) -> None:
    spoil(rules, _SLOW)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [*LIVEFIRE, *commands(rules, tmp_path / "several")[command]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(scratch)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(random.uniform(1, 5))
    began = time.monotonic()
    os.killpg(process.pid, number)
    out, errors = process.communicate(timeout=30)
    took = time.monotonic() - began
    assert (process.returncode, out) == (130, "")
    assert errors == f"interrupted ({number.name}); what was made has been undone\n"
    assert took < 20  # on a busy machine; else it is a fifth of a second
    assert list(scratch.iterdir()) == []
    assert wait_for_end(process.pid) == []


def test_no_worker_outlives_a_command_that_was_killed(rules: Path, tmp_path: Path) -> None:
    spoil(rules, _SLOW)
    words = [*LIVEFIRE, *commands(rules, tmp_path / "several")["prove several"]]
    process = subprocess.Popen(words, start_new_session=True)
    time.sleep(3)
    assert members(process.pid)
    process.kill()
    process.wait()
    assert wait_for_end(process.pid) == []


def wait_for_end(session: int) -> list[int]:
    """The processes of a session that are still there after some seconds."""
    until = time.monotonic() + 5
    while (left := members(session)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def members(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, *rest = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(rest[2]) == session and state != "Z":
            found.append(int(path.parent.name))
    return found
