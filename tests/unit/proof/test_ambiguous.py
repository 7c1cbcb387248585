"""Whether a verdict hangs on rows of which it can't be told whose they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from harness.model.expectation import Expectation, Signal, load_expectations
from harness.model.result import SignalResult
from harness.model.variant import Variant
from harness.model.verdict import Verdict
from harness.proof.ambiguous import hangs_on_ambiguous
from harness.proof.engines import DuckDbEngine
from harness.proof.tables.schema import RECORD, ambiguous, complete
from tests.conftest import EXPECTATIONS

ENTRY = load_expectations(EXPECTATIONS)[0]
LOUD = replace(ENTRY, rule=ENTRY.rule.with_query('DeviceProcessEvents | where FileName == "docker"'))
VARIANT = replace(LOUD, variant=Variant(of="T1/a", family="f", name="n"))
SIGNAL = Signal(name="a docker ran", kql='DeviceProcessEvents | where FileName startswith "d"')
OTHER = Signal(name="a pod was made", kql='AKSAudit | where Verb == "create"')
SOME = "it can't be told whose doing some of it was"


@pytest.fixture
def engine() -> DuckDbEngine:
    """Of this atomic nothing is unclear, but two processes of which one is a docker."""
    found = DuckDbEngine(datetime(2026, 1, 2, tzinfo=UTC))
    rows = [
        complete("DeviceProcessEvents", {"FileName": name, RECORD: f"raw/x:{line}"})
        for line, name in enumerate(("docker", "id"))
    ]
    found.put("DeviceProcessEvents", ambiguous("T1/a"), rows)
    return found


def asked(*, seen: bool = False) -> list[tuple[Signal, SignalResult]]:
    return [
        (signal, SignalResult(name=signal.name, sensor="auditd", seen=seen and signal is SIGNAL))
        for signal in (OTHER, SIGNAL)
    ]


@pytest.mark.parametrize(
    ("expectation", "seen", "verdict", "reason"),
    [
        # what wasn't seen may be among it
        (LOUD, False, Verdict.NOT_EXECUTED, "it can't be told whose doing it was: a docker ran"),
        (LOUD, False, Verdict.NO_TELEMETRY, "it can't be told whose doing it was: a docker ran"),
        (LOUD, True, Verdict.NOT_EXECUTED, ""),
        (VARIANT, True, Verdict.NOT_EXECUTED, SOME),
        # what the rule says of it may be the alert that is missed, or one too many
        (LOUD, True, Verdict.RULE_SILENT, "the rule fires on 1 row of which it can't be told whose doing it was"),
        (LOUD, True, Verdict.PROVEN, "the rule fires on 1 row of which it can't be told whose doing it was"),
        # nothing was claimed
        (LOUD, False, Verdict.INCONCLUSIVE, ""),
        (LOUD, False, Verdict.SKIPPED, ""),
    ],
)
def test_what_would_change_a_verdict(
    engine: DuckDbEngine, expectation: Expectation, seen: bool, verdict: Verdict, reason: str
) -> None:
    assert hangs_on_ambiguous(expectation, engine, "T1/a", asked(seen=seen), verdict) == reason


def test_several_rows_are_counted(engine: DuckDbEngine) -> None:
    loud = replace(LOUD, rule=LOUD.rule.with_query("DeviceProcessEvents"))
    said = hangs_on_ambiguous(loud, engine, "T1/a", asked(seen=True), Verdict.PROVEN)
    assert said == "the rule fires on 2 rows of which it can't be told whose doing it was"


def test_a_rule_that_says_nothing_of_it_changes_nothing(engine: DuckDbEngine) -> None:
    quiet = replace(LOUD, rule=LOUD.rule.with_query('DeviceProcessEvents | where FileName == "kubectl"'))
    assert hangs_on_ambiguous(quiet, engine, "T1/a", asked(seen=True), Verdict.PROVEN) == ""


@pytest.mark.parametrize("verdict", [Verdict.NOT_EXECUTED, Verdict.PROVEN])
def test_what_is_unclear_of_another_atomic_changes_nothing(engine: DuckDbEngine, verdict: Verdict) -> None:
    assert hangs_on_ambiguous(VARIANT, engine, "T1/b", asked(), verdict) == ""
