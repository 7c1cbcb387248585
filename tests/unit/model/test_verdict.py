"""Exit codes from verdicts, and that what is said of verdicts forgets none."""

import pytest

from harness.model.verdict import GRAVITY, LAYERS, LETTERS, MEANINGS, ExitCode, Verdict, exit_code

V = Verdict


@pytest.mark.parametrize(
    ("verdicts", "alerts", "expected"),
    [
        ([V.PROVEN, V.KNOWN_GAP], 0, ExitCode.AS_EXPECTED),
        ([V.PROVEN, V.SKIPPED], 0, ExitCode.AS_EXPECTED),
        ([V.PROVEN], 1, ExitCode.UNMET),
        ([V.PROVEN, V.INCONCLUSIVE], 0, ExitCode.INCONCLUSIVE),
        ([V.RULE_SILENT, V.INCONCLUSIVE], 0, ExitCode.UNMET),
        ([V.SKIPPED], 0, ExitCode.LAB_UNAVAILABLE),
        ([], 0, ExitCode.LAB_UNAVAILABLE),
    ],
)
def test_the_exit_code_of_a_set(verdicts: list[Verdict], alerts: int, expected: ExitCode) -> None:
    assert exit_code(verdicts, alerts) is expected


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {V.PROVEN, V.KNOWN_GAP, V.SKIPPED}))
def test_no_other_verdict_is_a_success(verdict: Verdict) -> None:
    assert exit_code([V.PROVEN, verdict], 0) is not ExitCode.AS_EXPECTED


@pytest.mark.parametrize("said", [LAYERS, LETTERS, MEANINGS], ids=["layers", "letters", "meanings"])
def test_of_each_verdict_it_is_said(said: dict[Verdict, str]) -> None:
    assert sorted(said) == sorted(Verdict)


def test_no_two_verdicts_have_one_letter() -> None:
    assert len(set(LETTERS.values())) == len(LETTERS)


def test_what_is_unmet_has_a_layer_that_failed_and_a_gravity_and_nothing_else_has() -> None:
    assert {verdict for verdict in Verdict if verdict.unmet} == {verdict for verdict in Verdict if LAYERS[verdict]}
    assert sorted(GRAVITY) == sorted(verdict for verdict in Verdict if verdict.unmet)
