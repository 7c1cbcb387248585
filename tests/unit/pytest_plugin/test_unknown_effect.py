"""Where the oracle's sensor was not well, nobody knows whether the attack was executed: that layer doesn't pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.recording import layout
from tests.conftest import Resealed
from tests.unit.pytest_plugin.conftest import Run

ALL, RAW = "--livefire-require-all", "--livefire-from-raw"


@pytest.fixture
def silent(resealed: Resealed) -> str:
    """The daemon's events end after two lines: no oracle is seen, and the sensor was not well."""
    return f"--livefire-recording={resealed({layout.DAEMON_EVENTS: lambda lines: lines[:2]}).path}"


def test_the_layer_is_skipped_and_the_sensor_s_fails(proof: Path, run: Run, silent: str) -> None:
    done = run(proof, silent, RAW, "-rs", "-k", "container-execution and (executed or healthy)")
    done.assert_outcomes(skipped=1, failed=1, deselected=15)
    done.stdout.fnmatch_lines(["SKIPPED *: it is not known whether it had an effect: docker_daemon: *"])


def test_by_itself_it_is_no_success_where_all_is_required(proof: Path, run: Run, silent: str) -> None:
    done = run(proof, silent, RAW, ALL, "-k", "docker and executed")
    assert done.ret != 0
    assert done.parseoutcomes().get("passed", 0) == 0


def test_an_effect_that_was_seen_is_one_whatever_else_was_not_well(proof: Path, run: Run, resealed: Resealed) -> None:
    """The rule and its signals read processes; the oracle reads the daemon."""
    torn = resealed({layout.AUDIT_LOG: lambda lines: ["typ=\n", *lines]})
    done = run(proof, f"--livefire-recording={torn.path}", RAW, "-k", "container-execution and (executed or healthy)")
    done.assert_outcomes(passed=1, failed=1, deselected=15)
