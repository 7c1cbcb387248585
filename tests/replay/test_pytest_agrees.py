"""`livefire prove` and the pytest plugin pass and fail alike, over the same recordings."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb  # noqa: F401  pytester forgets what was imported within it, and this extension can't be loaded twice
import pytest

from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB, PROJECT, main_job_rule

WHOLE = PROJECT / "tests/recordings/whole-technique"
HARDENED = EXPECTATIONS.with_name("container-api-hardened.expect.yaml")
SECRETS = MAIN_JOB[2]
BENIGN = "T1059.013/operator-labels-a-namespace"
RULE = "container-cli-api.yaml"

Change = Callable[[str], str]


def as_it_is(text: str) -> str:
    return text


def silent(text: str) -> str:
    return text.replace('"docker exec", "docker run",', '"docker exec",')


def one_flag_lost(text: str) -> str:
    return text.replace('has_any ("get secrets", "get configmaps")', 'has_any ("get configmaps")')


def noisy(text: str) -> str:
    return text.replace("| where FileName in~", "| where true or FileName in~").replace(
        "| where ProcessCommandLine has_any", "| where true or ProcessCommandLine has_any"
    )


def unpinned(text: str) -> str:
    return re.sub(r"    evasions:\n(      .*\n)+", "", text)


def other_atomics(text: str) -> str:
    return text.replace("atomic: T1059.013/", "atomic: T1059.013/other-")


@pytest.mark.parametrize(
    ("recordings", "atomics", "rule", "expectations", "code"),
    [
        pytest.param([COMMITTED, WHOLE], [*MAIN_JOB, BENIGN], as_it_is, as_it_is, 0, id="proven"),
        pytest.param([COMMITTED], MAIN_JOB, silent, as_it_is, 1, id="silent"),
        pytest.param([COMMITTED], MAIN_JOB, one_flag_lost, as_it_is, 1, id="wrong flags"),
        pytest.param([COMMITTED], MAIN_JOB, noisy, as_it_is, 1, id="background"),
        pytest.param([COMMITTED], MAIN_JOB, as_it_is, other_atomics, 5, id="nothing selected"),
        pytest.param([COMMITTED], MAIN_JOB, as_it_is, as_it_is, 1, id="attacks alone"),
        pytest.param([WHOLE], [BENIGN], as_it_is, as_it_is, 1, id="a benign run alone"),
        pytest.param([WHOLE], [SECRETS, BENIGN], as_it_is, as_it_is, 0, id="variants that nobody marked"),
        pytest.param([WHOLE], [SECRETS], as_it_is, unpinned, 1, id="variants that are missed"),
        pytest.param([COMMITTED, WHOLE], ["T1059.013/crictl-exec-into-container"], as_it_is, as_it_is, 5, id="absent"),
        pytest.param([WHOLE], ["T1059.013/crictl-exec-into-container"], as_it_is, as_it_is, 3, id="skipped"),
    ],
)
def test_both_say_the_same(
    pytester: pytest.Pytester,
    recordings: list[Path],
    atomics: list[str],
    rule: Change,
    expectations: Change,
    code: int,
) -> None:
    folder = pytester.mkdir("expectations")
    for source in (EXPECTATIONS, HARDENED):
        path = main_job_rule(folder, source, atomics)
        path.write_text(expectations(path.read_text()))
    (folder / RULE).write_text(rule((folder / RULE).read_text()))
    command = [sys.executable, "-m", "harness.cli.main", "prove", *map(str, recordings), "--expectations", str(folder)]
    proven = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert proven.returncode == code, proven.stderr
    done = pytester.runpytest_inprocess(folder, *(f"--livefire-recording={each}" for each in recordings))
    assert (done.ret == pytest.ExitCode.OK) is (code == 0)
