"""Everything that is known of a technique, for real: each pattern, benign life, other ways to do the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MAIN_JOB
from tests.lab.conftest import NOT_TO_BE_HAD, Livefire, changed, footprint, fresh_livefire


@pytest.fixture(scope="module")
def lab() -> Iterator[Livefire]:
    """One kept lab for all of these tests."""
    before = footprint()
    with fresh_livefire() as found:
        assert found("lab", "up").code == 0
        yield found
        assert found("lab", "down").code == 0
    assert changed(before) == {}


def test_every_atomic_and_benign_run_is_as_expected(lab: Livefire, tmp_path: Path) -> None:
    done = lab("run", "T1059.013", "--no-evasions", "--recording", tmp_path / "r", "--json", "-")
    assert done.code == 0, done.err
    assert {atomic for atomic, verdict in done.verdicts().items() if verdict == "SKIPPED"} <= NOT_TO_BE_HAD
    benign = done.result["benign"]["container-cli-api"]
    assert {"ci-pipeline", "engineer", "cluster-operations", "orchestration"} <= benign.keys()
    assert all(family["commands"] > 0 for family in benign.values())


@pytest.mark.parametrize("atomic", [MAIN_JOB[1], MAIN_JOB[2]])
def test_variants_do_the_same_and_every_outcome_is_known(lab: Livefire, tmp_path: Path, atomic: str) -> None:
    families = ("flag-spelling", "management-verbs", "docker-socket", "resource-spelling", "kubernetes-requests")
    options = [word for family in families for word in ("--family", family)]
    done = lab("evade", atomic, *options, "--recording", tmp_path / "r", "--json", "-")
    assert done.code == 0, done.err
    variants = [each["variant"] for each in done.result["results"] if each["variant"]]
    assert len(variants) >= 15
    assert {each["equivalence"] for each in variants} <= {"identical", "covers"}
    recall = done.result["recall"]["container-cli-api"]
    assert sum(family["executed"] for family in recall.values()) * len(done.result["recall"]) == len(variants)
    assert "fires" in done.err
    assert "silent" in done.err
