"""What was asked for and not judged is told, each thing once, and fails where all is required."""

from __future__ import annotations

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.unjudged import completed, in_recording, unheld, unknown, without_expectations
from harness.model.expectation import Expectation
from harness.model.manifest import Detonation, Manifest
from harness.model.result import Unjudged
from harness.model.variant import Variant
from harness.model.verdict import ExitCode, Verdict
from harness.recording import Recording
from tests.conftest import EXPECTATIONS
from tests.unit.judge.results import of_atomic, of_recording

FIRST, SECOND = load_expectations(EXPECTATIONS)[:2]
VARIANT = Variant(of="T1/a", family="f", name="n")


def holding(recording: Recording, *runs: str | Variant) -> Manifest:
    """A manifest with these atomics and variants."""
    one = recording.manifest.detonations[0]
    detonations: list[Detonation] = []
    for run in runs:
        of = {"atomic": run.id, "variant": run} if isinstance(run, Variant) else {"atomic": run}
        detonations.append(one.model_copy(update=of))
    return recording.manifest.model_copy(update={"detonations": detonations})


def unspoken_of(atomic: str) -> Unjudged:
    return Unjudged(kind="atomic", name=atomic, reason="no rule expects anything of it")


def test_an_atomic_of_which_nothing_is_expected(committed: Recording) -> None:
    manifest = holding(committed, "T1/a", "T1/b")
    assert in_recording(manifest, [of_atomic("T1/a")]) == [unspoken_of("T1/b")]


def test_a_variant_goes_with_its_atomic(committed: Recording) -> None:
    """Where the rule is silent on the atomic, nothing is to be evaded: its variants are passed over rightly."""
    manifest = holding(committed, VARIANT)
    assert in_recording(manifest, [of_atomic("T1/a")]) == []
    assert in_recording(manifest, [of_atomic(VARIANT.id)]) == []
    assert in_recording(manifest, [of_atomic("T1/b")]) == [unspoken_of(VARIANT.id)]


def test_a_skip_that_no_expectation_allows_for(committed: Recording) -> None:
    judged = [
        of_atomic("T1/a", Verdict.SKIPPED, reason="no crictl", at="r.expect.yaml:7:5"),
        of_atomic("T1/b", Verdict.SKIPPED, may_skip="crictl is seldom there"),
        of_atomic("T1/c", Verdict.NOT_EXECUTED),
    ]
    assert in_recording(holding(committed, "T1/a", "T1/b", "T1/c"), judged) == [
        Unjudged(kind="skip", name="T1/a", rule="r", reason="no crictl", at="r.expect.yaml:7:5")
    ]


def missing(expectation: Expectation, reason: str) -> Unjudged:
    rule, at = "container-cli-api", str(expectation.at())
    return Unjudged(kind="expectation", name=expectation.atomic, rule=rule, reason=reason, at=at)


def test_an_expectation_whose_atomic_no_recording_holds() -> None:
    results = [of_recording([of_atomic("T1/other")]), of_recording([of_atomic(SECOND.atomic)])]
    assert unheld([FIRST, SECOND], results) == [missing(FIRST, "no recording holds its atomic")]


def test_an_expectation_whose_atomic_does_not_exist() -> None:
    assert unknown([FIRST, SECOND], iter([FIRST.atomic])) == [missing(SECOND, "there is no such atomic")]


def test_a_rule_without_expectations() -> None:
    rule = FIRST.rule
    assert without_expectations([rule]) == [
        Unjudged(kind="rule", name=rule.id, rule=rule.id, reason="it has no expectations", at=str(rule.path))
    ]


OWN, COMMON = unspoken_of("T1/own"), unspoken_of("T1/common")


def test_each_result_tells_what_is_missing_in_it_and_in_all() -> None:
    results = [of_recording([], run_id="1", unjudged=[OWN]), of_recording([], run_id="2")]
    found = completed(results, [COMMON], required=False)
    assert [(each.run_id, each.unjudged) for each in found] == [("1", [OWN, COMMON]), ("2", [COMMON])]


@pytest.mark.parametrize(
    ("unjudged", "required", "before", "after"),
    [
        ([OWN], True, ExitCode.AS_EXPECTED, ExitCode.UNMET),
        ([OWN], True, ExitCode.INCONCLUSIVE, ExitCode.UNMET),
        ([OWN], True, ExitCode.LAB_UNAVAILABLE, ExitCode.LAB_UNAVAILABLE),
        ([OWN], False, ExitCode.AS_EXPECTED, ExitCode.AS_EXPECTED),
        ([], True, ExitCode.AS_EXPECTED, ExitCode.AS_EXPECTED),
    ],
)
def test_where_all_is_required_what_is_missing_is_unmet(
    unjudged: list[Unjudged], required: bool, before: ExitCode, after: ExitCode
) -> None:
    (found,) = completed([of_recording([], unjudged=unjudged, exit_code=before)], [], required=required)
    assert (found.exit_code, found.all_required) == (after, required)
