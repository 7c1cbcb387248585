"""Whether a verdict hangs on rows of which it can't be told whose they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.other_rows import hangs_on_ambiguous
from harness.kql.engine_choice import new_workspace
from harness.kql.workspace import Workspace
from harness.model.expectation import Expectation, Signal
from harness.model.observed import SignalResult
from harness.model.variant import Variant
from harness.model.verdict import Verdict
from harness.telemetry.schema import RECORD, ambiguous, complete
from tests.conftest import EXPECTATIONS
from tests.unit.judge.world import QUERY, RUN, USUAL, World, detonated, expecting, process

ENTRY = load_expectations(EXPECTATIONS)[0]
LOUD = replace(ENTRY, rule=ENTRY.rule.with_query('DeviceProcessEvents | where FileName == "docker"'))
VARIANT = replace(LOUD, variant=Variant(of="T1/a", family="f", name="n"))
SIGNAL = Signal(name="a docker ran", kql='DeviceProcessEvents | where FileName startswith "d"')
OTHER = Signal(name="a pod was made", kql='AKSAudit | where Verb == "create"')
SOME = "some of its effect can't be attributed"


@pytest.fixture
def workspace() -> Workspace:
    """Of this atomic nothing is unclear, but two processes of which one is a docker."""
    found = new_workspace(datetime(2026, 1, 2, tzinfo=UTC))
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
        (LOUD, False, Verdict.NOT_EXECUTED, "it can't be attributed: a docker ran"),
        (LOUD, False, Verdict.NO_TELEMETRY, "it can't be attributed: a docker ran"),
        (LOUD, True, Verdict.NOT_EXECUTED, ""),
        (VARIANT, True, Verdict.NOT_EXECUTED, SOME),
        # what the rule says of it may be the alert that is missed, or one too many
        (LOUD, True, Verdict.RULE_SILENT, "the rule fires on 1 row that can't be attributed"),
        (LOUD, True, Verdict.PROVEN, "the rule fires on 1 row that can't be attributed"),
        # nothing was claimed
        (LOUD, False, Verdict.INCONCLUSIVE, ""),
        (LOUD, False, Verdict.SKIPPED, ""),
    ],
)
def test_what_would_change_a_verdict(
    workspace: Workspace, expectation: Expectation, seen: bool, verdict: Verdict, reason: str
) -> None:
    assert hangs_on_ambiguous(expectation, workspace, "T1/a", asked(seen=seen), verdict) == reason


def test_several_rows_are_counted(workspace: Workspace) -> None:
    loud = replace(LOUD, rule=LOUD.rule.with_query("DeviceProcessEvents"))
    said = hangs_on_ambiguous(loud, workspace, "T1/a", asked(seen=True), Verdict.PROVEN)
    assert said == "the rule fires on 2 rows that can't be attributed"


def test_a_rule_that_says_nothing_of_it_changes_nothing(workspace: Workspace) -> None:
    quiet = replace(LOUD, rule=LOUD.rule.with_query('DeviceProcessEvents | where FileName == "kubectl"'))
    assert hangs_on_ambiguous(quiet, workspace, "T1/a", asked(seen=True), Verdict.PROVEN) == ""


@pytest.mark.parametrize("verdict", [Verdict.NOT_EXECUTED, Verdict.PROVEN])
def test_what_is_unclear_of_another_atomic_changes_nothing(workspace: Workspace, verdict: Verdict) -> None:
    assert hangs_on_ambiguous(VARIANT, workspace, "T1/b", asked(), verdict) == ""


@pytest.mark.parametrize("slice_", [ambiguous("T1/b", "T1/a"), ambiguous("T1/a", "T1/b")])
@pytest.mark.parametrize("atomic", ["T1/a", "T1/b"])
def test_what_may_be_of_several_is_unclear_for_each(tmp_path: Path, slice_: str, atomic: str) -> None:
    world = World(tmp_path)
    found = world.judge(expecting(atomic=atomic), {atomic: USUAL, slice_: [process(RUN)]}, detonated(atomic))
    assert found.verdict is Verdict.INCONCLUSIVE


ALL = 'DeviceProcessEvents | where ProcessCommandLine has "run"'
TWICE, ONCE = (f"{ALL} | summarize n = count() | where n {n} | extend Root = true" for n in (">= 2", "== 1"))
JOINED = Signal(
    name="both", kql=f"{ALL} | join kind=inner (DeviceProcessEvents | where FileName == 'b') on AccountName"
)
LONE = Signal(name="one alone", kql=ONCE)
WHOSE = "it can't be attributed:"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        # a rule that counts: neither its silence stands nor its alert
        ({"query": TWICE, "fires": False, "flags": {}, "benign": "x"}, "the rule answers differently"),
        ({"query": TWICE}, "the rule answers differently"),
        ({"query": ONCE}, "the rule fires on 1 row that can't be attributed"),
        # one row of a join is the atomic's own, the other may be
        ({"oracle": [JOINED]}, f"{WHOSE} both"),
        ({"signals": [JOINED]}, f"{WHOSE} both"),
        ({"signals": [LONE]}, f"{WHOSE} one alone"),
        ({"oracle": [LONE]}, f"{WHOSE} one alone"),
    ],
)
def test_unclear_rows_are_asked_about_together_with_the_atomic_s_own(
    tmp_path: Path, entry: dict[str, Any], reason: str
) -> None:
    usual = {"query": QUERY.replace('has "run"', 'has "--privileged"')}
    unclear = [process("b" if reason.endswith("both") else "a run", "raw/auditd.log:11")]
    found = World(tmp_path).judge(expecting(**usual | entry), {"T1/a": USUAL, ambiguous("T1/a"): unclear})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason.startswith(reason)


def test_a_count_that_stays_the_same_stands(tmp_path: Path) -> None:
    unclear = [process("a ps", "raw/auditd.log:11")]
    found = World(tmp_path).judge(expecting(ONCE), {"T1/a": USUAL, ambiguous("T1/a"): unclear})
    assert found.verdict is Verdict.PROVEN
