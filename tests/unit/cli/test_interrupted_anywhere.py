"""A signal before any line of Livefire's: exit 130 in one sentence, and nothing is left that was not there before.

Many tries at a lab's start hit few of the moments that are a microsecond long; these are all of them.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[3]
UP = ("lab", "up", "--docker", "none", "--cluster", "none")
WHAT = [(0, UP), (2, UP), (2, ("clean",)), (0, ("clean",))]


def interrupted(dead: int, words: tuple[str, ...], step: int) -> list[dict[str, Any]]:
    """What came of it at each line; the first is what comes of it without a signal."""
    with tempfile.TemporaryDirectory(prefix="lf-") as folder:  # short: sockets may lie in it
        command = [sys.executable, "-m", "tests.unit.cli.interrupting", folder, str(dead), str(step), *words]
        done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def faults(found: dict[str, Any]) -> list[str]:
    """What is wrong with how it ended."""
    said, told = found["said"], found["said"].count("interrupted (SIGTERM); what was made has been undone")
    if found["code"] == -15:  # before there is anybody to heed it
        return [f"line {found['where']}: {found}"] if said or found["left"] else []
    wrong = [f"exit {found['code']}"] if found["code"] not in (0, 130) else []
    wrong += ["a traceback"] if "Traceback" in said or "ignored" in said else []
    wrong += ["told twice"] if told > 1 else []
    kept = any(path.endswith("lab.json") for path in found["left"])
    wrong += [f"left {found['left']}"] if found["left"] and not kept else []
    wrong += ["a kept lab is not told"] if kept and told and "is kept" not in said else []
    return [f"before {found['where']}: {'; '.join(wrong)}\n{said}"] if wrong else []


def check(dead: int, words: tuple[str, ...], step: int) -> None:
    undisturbed, *ends = interrupted(dead, words, step)
    assert undisturbed["code"] == 0, undisturbed
    assert len(ends) == undisturbed["lines"] // step
    assert sum(each["code"] == 130 for each in ends) > 0.9 * len(ends)
    assert [fault for each in ends for fault in faults(each)] == []


def test_nothing_is_left_by_a_signal_before_some_of_the_lines() -> None:
    check(2, UP, 41)


@pytest.mark.night
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("dead", "words"), WHAT)
def test_nothing_is_left_by_a_signal_before_any_line(dead: int, words: tuple[str, ...]) -> None:
    check(dead, words, 1)
