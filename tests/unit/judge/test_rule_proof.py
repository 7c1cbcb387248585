"""When a rule is proven: by an attack on which it fires and a benign run in which it is silent."""

from __future__ import annotations

import pytest

from harness.judge.rule_proof import prove_rules, settled
from harness.model.atomic_result import AtomicResult
from harness.model.rule_figures import RuleProof
from harness.model.verdict import ExitCode, Verdict
from tests.unit.judge.results import of_atomic, of_recording

NO_ATTACK = "no attack on which it fires is proven"
NO_SILENCE = "no benign run in which it is silent is proven"

LOUD = of_atomic("T1/loud")
QUIET = of_atomic("T1/quiet", expected=False, fired=False, benign="work")
MISSED = of_atomic("T1/missed", Verdict.RULE_SILENT, fired=False)
ALARM = of_atomic("T1/alarm", Verdict.UNEXPECTED_ALERT, expected=False, benign="work")
UNCLEAR = of_atomic("T1/unclear", Verdict.INCONCLUSIVE, fired=False)
NOT_TRIED = of_atomic("T1/not-tried", Verdict.SKIPPED, fired=False)
UNCLEAR_WORK = of_atomic("T1/unclear-work", Verdict.INCONCLUSIVE, expected=False, fired=False, benign="work")
# a query that is no benign run, on which the rule is rightly silent
BOUNDARY = of_atomic("T1/boundary", expected=False, fired=False)


def proof(*results: AtomicResult) -> RuleProof:
    (found,) = prove_rules([of_recording(results)])
    return found


@pytest.mark.parametrize(
    ("results", "attacks", "benign", "reason", "undecided"),
    [
        ([LOUD, QUIET], 1, 1, "", False),
        ([LOUD, LOUD, QUIET, QUIET, MISSED, ALARM], 2, 2, "", False),
        ([LOUD], 1, 0, NO_SILENCE, False),
        ([QUIET], 0, 1, NO_ATTACK, False),
        ([BOUNDARY], 0, 0, f"{NO_ATTACK}; {NO_SILENCE}", False),
        # what failed shows nothing, whatever the rule did
        ([MISSED, ALARM], 0, 0, f"{NO_ATTACK}; {NO_SILENCE}", False),
        ([of_atomic("T1/x", Verdict.WRONG_FLAGS), QUIET], 0, 1, NO_ATTACK, False),
        ([LOUD, UNCLEAR_WORK], 1, 0, NO_SILENCE, True),
        # nor does a PROVEN without an alert where one is asked for, or with one where none may be
        ([of_atomic("T1/x", fired=False), QUIET], 0, 1, NO_ATTACK, False),
        ([LOUD, of_atomic("T1/x", expected=False, benign="work")], 1, 0, NO_SILENCE, False),
        # what said nothing this time may yet show it
        ([UNCLEAR, QUIET], 0, 1, NO_ATTACK, True),
        ([NOT_TRIED, MISSED, QUIET], 0, 1, NO_ATTACK, True),
        ([UNCLEAR, UNCLEAR_WORK], 0, 0, f"{NO_ATTACK}; {NO_SILENCE}", True),
        # but not a part of it alone
        ([UNCLEAR, ALARM], 0, 0, f"{NO_ATTACK}; {NO_SILENCE}", False),
        ([of_atomic("T1/x", Verdict.INCONCLUSIVE, expected=False, fired=False), QUIET], 0, 1, NO_ATTACK, False),
        ([LOUD, UNCLEAR], 1, 0, NO_SILENCE, False),
        ([LOUD, UNCLEAR, QUIET], 1, 1, "", False),
    ],
)
def test_what_proves_a_rule(
    results: list[AtomicResult], attacks: int, benign: int, reason: str, undecided: bool
) -> None:
    expected = RuleProof(rule="r", attacks=attacks, benign=benign, reason=reason, undecided=undecided)
    assert proof(*results) == expected


def test_each_rule_is_proven_by_its_own_results_over_all_recordings() -> None:
    other = QUIET.model_copy(update={"rule": "s"})
    found = prove_rules([of_recording([LOUD, other]), of_recording([QUIET])])
    assert [(each.rule, each.attacks, each.benign) for each in found] == [("r", 1, 1), ("s", 0, 1)]


def test_two_rules_of_one_name_are_told_apart_by_their_expectations() -> None:
    """The results of one file stand at different lines of it; a path may have colons."""
    here = [
        LOUD.model_copy(update={"at": "x:a/r.expect.yaml:3:5"}),
        QUIET.model_copy(update={"at": "x:a/r.expect.yaml:9:5"}),
    ]
    there = LOUD.model_copy(update={"at": "x:b/r.expect.yaml:3:5"})
    assert [(each.attacks, each.benign) for each in prove_rules([of_recording([*here, there])])] == [(1, 1), (1, 0)]


@pytest.mark.parametrize(
    ("results", "background_alerts", "code"),
    [
        ([LOUD, QUIET], 0, ExitCode.AS_EXPECTED),
        ([LOUD], 0, ExitCode.UNMET),
        ([LOUD, UNCLEAR_WORK], 0, ExitCode.INCONCLUSIVE),
        ([LOUD, QUIET, MISSED], 0, ExitCode.UNMET),
        ([LOUD, QUIET], 1, ExitCode.UNMET),
    ],
)
def test_what_a_command_returns(results: list[AtomicResult], background_alerts: int, code: ExitCode) -> None:
    (found,) = settled([of_recording(results, background_alerts=background_alerts)])
    assert found.exit_code is code


def test_each_result_of_a_command_has_the_proofs_of_all_of_them() -> None:
    found = settled([of_recording([LOUD], run_id="1"), of_recording([QUIET], run_id="2")])
    assert [each.run_id for each in found] == ["1", "2"]
    assert [each.proofs for each in found] == [[RuleProof(rule="r", attacks=1, benign=1)]] * 2
    assert [each.exit_code for each in found] == [ExitCode.AS_EXPECTED] * 2
