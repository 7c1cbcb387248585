"""A rule's own proof is a test, and what was asked for and not judged is told, and fails where all is required."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.model.manifest import Manifest
from tests.conftest import PROJECT
from tests.unit.pytest_plugin.conftest import REPLAY, Run

EXAMPLE = PROJECT / "examples/rules-repository/rules"
NAME = "privileged-container"
SECRETS = "T1059.013/kubectl-secrets-enumeration"
HOW = [["-p", "no:xdist"], ["-n", 2]]
REQUIRED = "--livefire-require-all"


@pytest.fixture
def rules(pytester: pytest.Pytester) -> Path:
    """A rule with an attack and a benign run, both in the committed recording; its third atomic has no expectation."""
    folder = pytester.mkdir("rules")
    shutil.copy(EXAMPLE / f"{NAME}.yaml", folder)
    both = (EXAMPLE / f"{NAME}.expect.yaml").read_text().rpartition("  - atomic: ")[0]
    (folder / f"{NAME}.expect.yaml").write_text(both)
    return folder


def without(rules: Path, kind: str) -> None:
    """Take the attack or the benign run away."""
    path = rules / f"{NAME}.expect.yaml"
    head, attack, benign = path.read_text().split("  - atomic: ")[:3]
    path.write_text("  - atomic: ".join([head, benign if kind == "attack" else attack]))


@pytest.mark.parametrize("how", HOW)
def test_a_rule_with_both_is_proven(rules: Path, run_apart: Run, how: list[str]) -> None:
    done = run_apart(*how, rules, REPLAY, "-v")
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines([f"*rules/{NAME}.expect.yaml::proven*"])


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("attack", "no attack on which it fires is proven"),
        ("benign", "no benign run in which it is silent is proven"),
    ],
)
def test_one_alone_proves_no_rule(rules: Path, run_apart: Run, how: list[str], kind: str, said: str) -> None:
    without(rules, kind)
    done = run_apart(*how, rules, REPLAY)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.assert_outcomes(passed=6, failed=1)
    done.stdout.fnmatch_lines([f"UNPROVEN RULE  {NAME}: {said}"])


def test_what_is_deselected_makes_no_rule_unproven(rules: Path, run: Run) -> None:
    """Its proof is that of the whole file wherever it is asked for; where it isn't, nothing is said of it."""
    run(rules, REPLAY, "-k", "creation or proven", REQUIRED).assert_outcomes(passed=6, deselected=None)
    run(f"{rules / NAME}.expect.yaml::proven", REPLAY).assert_outcomes(passed=1)
    without(rules, "benign")
    run(rules, REPLAY, "-k", "creation").assert_outcomes(passed=5, deselected=2)


def test_atomics_without_expectations_are_told_and_may_fail(rules: Path, run: Run) -> None:
    told = f"livefire: not judged: 1 atomic without expectations: {SECRETS}"
    done = run(rules, REPLAY)
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines([told])
    done = run(rules, REPLAY, REQUIRED)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines([told])


@pytest.mark.parametrize("how", HOW)
def test_an_ini_key_requires_all(pytester: pytest.Pytester, rules: Path, run_apart: Run, how: list[str]) -> None:
    """A rule without expectations, with workers too."""
    shutil.copy(EXAMPLE / f"{NAME}.yaml", rules / "forgotten.yaml")
    pytester.makeini("[pytest]\nlivefire_require_all = true\n")
    done = run_apart(*how, rules, REPLAY)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(["livefire: not judged: 1 rule without expectations: forgotten"])


def test_a_rule_that_can_not_be_read_fails_where_all_is_required(rules: Path, run: Run) -> None:
    (rules / "forgotten.yaml").write_text("query: [")
    assert run(rules, REPLAY).ret == pytest.ExitCode.OK
    done = run(rules, REPLAY, REQUIRED)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["rules/forgotten.yaml:*: not valid YAML*"])


@pytest.mark.parametrize(("allowed", "failed"), [("", 5), ("    may_skip: there is no docker\n", 0)])
def test_a_skip_fails_where_all_is_required_unless_it_is_allowed(
    rules: Path, run: Run, resealed: object, allowed: str, failed: int
) -> None:
    path = rules / f"{NAME}.expect.yaml"
    path.write_text(path.read_text().replace("    fires: false\n", f"    fires: false\n{allowed}"))

    def skip(manifest: Manifest) -> Manifest:
        told = [
            each.model_copy(update={"skipped": "no docker", "attack": None}) if "execution" in each.atomic else each
            for each in manifest.detonations
        ]
        return manifest.model_copy(update={"detonations": told})

    other = resealed(manifest=skip).path  # type: ignore[operator]
    given = [f"--livefire-recording={other}", "-k", "execution"]
    run(rules, *given).assert_outcomes(skipped=5, deselected=7)
    done = run(rules, *given, REQUIRED)
    done.assert_outcomes(failed=failed, skipped=5 - failed, deselected=7)


def test_an_expectation_whose_atomic_no_recording_holds_fails_where_all_is_required(rules: Path, run: Run) -> None:
    path = rules / f"{NAME}.expect.yaml"
    path.write_text(path.read_text().replace("docker-container-execution", "renamed"))
    run(rules, REPLAY, "-k", "renamed").assert_outcomes(skipped=5, deselected=7)
    done = run(rules, REPLAY, "-k", "renamed", REQUIRED)
    done.assert_outcomes(failed=5, deselected=7)
    done.stdout.fnmatch_lines(["not judged: no recording holds T1059.013/renamed"])


def test_a_copy_of_a_recording_proves_no_rule(rules: Path, run: Run, resealed: object) -> None:
    """Of one capture told twice the first alone counts, as in `livefire prove`: here it lacks the benign run."""

    def without_it(manifest: Manifest) -> Manifest:
        kept = [each for each in manifest.detonations if "execution" not in each.atomic]
        return manifest.model_copy(update={"detonations": kept})

    first = resealed(manifest=without_it).path  # type: ignore[operator]
    for given, failed in (([REPLAY], 0), ([f"--livefire-recording={first}", REPLAY], 1)):
        done = run(f"{rules / NAME}.expect.yaml::proven", *given)
        done.assert_outcomes(passed=1 - failed, failed=failed)
    done.stdout.fnmatch_lines([f"UNPROVEN RULE  {NAME}: no benign run in which it is silent is proven"])


@pytest.mark.parametrize("how", HOW)
def test_where_all_is_required_no_layer_is_left_out_for_one_that_was_deselected(
    rules: Path, run_apart: Run, how: list[str]
) -> None:
    """`fired` would fail, and was not asked for; `flags` was, and says nothing."""
    rule = rules / f"{NAME}.yaml"
    rule.write_text(rule.read_text().replace("| where ", "| where DeviceName == 'nowhere' | where ", 1))
    run_apart(*how, rules, REPLAY, "-k", "creation and flags").assert_outcomes(skipped=1)
    done = run_apart(*how, rules, REPLAY, REQUIRED, "-k", "creation and flags")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["not judged: the layer 'fired' failed: *"])
    run_apart(*how, rules, REPLAY, REQUIRED, "-k", "creation").assert_outcomes(passed=3, failed=1, skipped=1)
