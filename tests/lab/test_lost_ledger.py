"""A run that was killed and whose ledgers are damaged: what carries its name is found, and nothing is called undone."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.conftest import Livefire, footprint

SECRETS = "T1059.013/kubectl-secrets-enumeration"
# What of the machine an owner's name is written on. Settings and empty folders have none: those are in doubt.
NAMED = ("rules", "links", "mounts", "cgroups", "processes")


def deleted(ledger: Path) -> None:
    ledger.unlink()


def half_readable(ledger: Path) -> None:
    """Each other line, the first one left, is noise."""
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(b"\xff\x00\n" if number % 2 else line for number, line in enumerate(lines)))


@pytest.mark.parametrize("damage", [deleted, half_readable])
def test_clean_finds_what_carries_the_name_and_says_what_is_uncertain(
    livefire: Livefire, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    before = footprint()
    running = livefire.start("run", SECRETS, "--recording", tmp_path / "r")
    deadline = time.monotonic() + 60
    while "livefire-run-" not in rules() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running.poll() is None
    running.kill()
    running.communicate()
    ledgers = list(livefire.state.glob("*/ledger.jsonl"))
    assert len(ledgers) == 2  # of the lab, and of the run
    for ledger in ledgers:
        damage(ledger)

    done = livefire("clean")
    assert done.code == 3, done.err
    assert "Traceback" not in done.err
    for ledger in ledgers:
        assert f"{ledger.parent.name}: partly undone" in done.out
        assert ledger.parent.name in done.err
    after = footprint()
    assert {name: after[name] for name in NAMED} == {name: before[name] for name in NAMED}
    assert livefire("clean").code == 3  # the doubt stays
    restore(before)


def rules() -> str:
    return subprocess.run(["auditctl", "-l"], capture_output=True, text=True, check=True).stdout


def restore(before: dict[str, object]) -> None:
    """What the test has lost with the ledger is put back by the test."""
    for line in before["audit"]:  # type: ignore[attr-defined]
        name, value = line.split()
        if name in ("enabled", "backlog_limit"):
            subprocess.run(["auditctl", "-e" if name == "enabled" else "-b", value], check=True, capture_output=True)
