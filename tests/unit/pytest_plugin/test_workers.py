"""pytest-xdist: the work is shared, each piece of it is done once, and nothing of it is left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import COMMITTED, EXPECTATIONS
from tests.unit.pytest_plugin.conftest import REPLAY, Log, Run

pytest.importorskip("xdist")


def scratch(pytester: pytest.Pytester) -> list[str]:
    """What is left of what the workers shared, in the state folder or where that can't be had."""
    return [path.name for path in (pytester.path / "scratch").iterdir() if path.name.startswith("livefire-")]


@pytest.mark.parametrize("how", ["load", "loadfile"])
def test_each_rule_is_judged_once_over_all_workers(
    pytester: pytest.Pytester, two_rules: Path, judged: Log, run_apart: Run, how: str
) -> None:
    done = run_apart(two_rules, REPLAY, "-n", 2, f"--dist={how}")
    done.assert_outcomes(passed=32, failed=2)
    name = COMMITTED.name
    assert judged() == [f"{name} container-api-hardened", f"{name} container-cli-api"]
    assert scratch(pytester) == []


def test_where_there_are_recordings_enough_each_is_judged_by_all_rules_in_one_go(
    pytester: pytest.Pytester, two_rules: Path, judged: Log, run_apart: Run
) -> None:
    for night in ("mon", "tue", "wed"):
        shutil.copytree(COMMITTED, pytester.path / "nights" / night)
    run_apart(two_rules, "--livefire-recording=nights", "-n", 2).assert_outcomes(passed=32, failed=2)
    rules = "container-api-hardened,container-cli-api"
    assert judged() == [f"{night} {rules}" for night in ("mon", "tue", "wed")]


def test_only_what_is_selected_is_judged(two_rules: Path, judged: Log, run_apart: Run) -> None:
    run_apart(two_rules, REPLAY, "-n", 2, "-k", "hardened and fired").assert_outcomes(passed=3)
    assert judged() == [f"{COMMITTED.name} container-api-hardened"]


def test_a_failure_reads_as_without_workers(proof: Path, run_apart: Run) -> None:
    rule = proof / "container-cli-api.yaml"
    rule.write_text(rule.read_text().replace('"docker exec", "docker run",', '"docker exec",'))
    done = run_apart(proof, REPLAY, "-n", 2, "-rs")
    done.assert_outcomes(passed=14, failed=2, skipped=1)
    done.stdout.fnmatch_lines(["RULE_SILENT *", "*fires: true", "*^"])
    done.stdout.fnmatch_lines([f"SKIPPED * expectations/{EXPECTATIONS.name}:*: the layer 'fired' failed: *"])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_a_session_that_proves_nothing_does_not_pass(pytester: pytest.Pytester, proof: Path, run_apart: Run) -> None:
    path = proof / EXPECTATIONS.name
    path.write_text(path.read_text().replace("atomic: T1059.013/", "atomic: T1059.013/other-"))
    done = run_apart(proof, REPLAY, "-n", 2)
    done.assert_outcomes(skipped=17)
    assert done.ret == pytest.ExitCode.TESTS_FAILED


def test_when_a_worker_dies_another_does_its_work(pytester: pytest.Pytester, proof: Path, run_apart: Run) -> None:
    """A test dies with its worker, once; the lock that the worker may have held goes with it."""
    pytester.makepyfile("def test_dies():\n    import os\n    os._exit(9)\n")
    done = run_apart(proof, pytester.path, REPLAY, "-n", 2)
    done.assert_outcomes(passed=16, failed=2)
    assert scratch(pytester) == []


@pytest.mark.parametrize("how", [["-p", "no:xdist"], ["-n", 1], *(["-n", 2, f"--dist={d}"] for d in ("load", "each"))])
def test_a_live_run_has_one_capture_before_any_test(
    pytester: pytest.Pytester, two_rules: Path, captures: Log, run_apart: Run, how: list[str]
) -> None:
    pytester.makepyfile("def test_first():\n    assert open('captured.log').read().startswith('capture')\n")
    atomics = EXPECTATIONS.parents[2] / "atomics"
    live = ["--livefire", "--livefire-cluster=control-plane", f"--livefire-atomics={atomics}"]
    done = run_apart(*how, pytester.path, *live, "-k", "test_first or secrets")
    done.assert_outcomes(passed=11 * (2 if "--dist=each" in how else 1), deselected=None)
    assert captures() == ["capture control-plane T1059.013/kubectl-secrets-enumeration"]
    done.stdout.fnmatch_lines(["livefire: detonating 1 atomic"])


@pytest.mark.parametrize("how", [["-p", "no:xdist"], ["-n", 2]])
def test_nothing_is_detonated_where_a_file_could_not_be_collected(
    two_rules: Path, captures: Log, run_apart: Run, how: list[str]
) -> None:
    (two_rules / "container-api-hardened.yaml").write_text("query: [")
    done = run_apart(*how, two_rules, "--livefire", f"--livefire-atomics={EXPECTATIONS.parents[2] / 'atomics'}")
    assert captures() == []
    assert done.ret != pytest.ExitCode.OK
    done.stdout.fnmatch_lines(["*container-api-hardened.yaml:*: not valid YAML*"])
