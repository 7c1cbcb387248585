"""What a live run detonates, and what becomes of one that can't be had. The lab itself is in tests/lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MAIN_JOB, PROJECT, main_job_rule
from tests.unit.pytest_plugin.conftest import Log, Run

LIVE = ["--livefire", f"--livefire-atomics={PROJECT / 'atomics'}"]
EXECUTION = "T1059.013/docker-container-execution"


def asked(captures: Log) -> list[str]:
    (line,) = captures()
    return line.split()[2:]


def test_what_is_selected_is_detonated(proof: Path, captures: Log, run_apart: Run) -> None:
    run_apart(proof, *LIVE, "-k", "docker and fired").assert_outcomes(passed=2, deselected=15)
    assert asked(captures) == [name for name in MAIN_JOB if "docker" in name]


def test_the_background_alone_is_that_of_all_atomics(proof: Path, captures: Log, run_apart: Run) -> None:
    run_apart(proof, *LIVE, "-k", "background").assert_outcomes(passed=1, deselected=16)
    assert sorted(asked(captures)) == sorted(MAIN_JOB)


@pytest.mark.parametrize(("layer", "variants"), [("fired", False), ("evasions", True)])
def test_variants_are_detonated_where_they_are_selected(
    pytester: pytest.Pytester, captures: Log, run_apart: Run, layer: str, variants: bool
) -> None:
    path = main_job_rule(pytester.mkdir("expectations"), atomics=[EXECUTION], evade=True)
    run_apart(f"{path}::{EXECUTION}::{layer}", *LIVE)
    assert asked(captures)[0] == EXECUTION
    assert (len(asked(captures)) > 50) is variants
    assert all(name.startswith(f"{EXECUTION}~") for name in asked(captures)[1:])


def test_collecting_detonates_nothing(proof: Path, captures: Log, run_apart: Run) -> None:
    run_apart(proof, *LIVE, "--collect-only", "-q").stdout.fnmatch_lines(["17 tests collected*"])
    assert captures() == []


@pytest.mark.parametrize("how", [["-p", "no:xdist"], ["-n", 2]])
def test_a_capture_that_can_not_be_had_is_one_error_in_full(proof: Path, run_apart: Run, how: list[str]) -> None:
    """Here for a folder that is taken, which is asked before anything is started."""
    done = run_apart(*how, proof, *LIVE, f"--livefire-folder={proof}")
    done.assert_outcomes(errors=17)
    done.stdout.fnmatch_lines(["not judged: expectations: there is something here already"])
    hints = [line for line in done.stdout.lines if line.strip() == "Name a new folder."]
    assert 1 <= len(hints) <= 2  # each worker says it once
    done.stdout.no_fnmatch_line("*Traceback*")


def test_an_atomic_that_is_not_there_is_named(proof: Path, run_apart: Run, pytester: pytest.Pytester) -> None:
    pytester.mkdir("atomics")
    done = run_apart(proof, "--livefire", "-k", "secrets")
    done.stdout.fnmatch_lines(["*:*: there is no atomic 'T1059.013/kubectl-secrets-enumeration'"])
