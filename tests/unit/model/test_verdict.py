"""Exit codes from verdicts."""

import pytest

from harness.model.verdict import ExitCode, Verdict, exit_code

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
