"""A rule that counts or compares rows sees, in a SIEM, the host's other rows too."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.model.expectation import load_expectations
from harness.model.verdict import Verdict
from harness.proof.prove import prove
from harness.recording import open_recording
from tests.conftest import COMMITTED, MAIN_JOB, main_job_rule

FEW = "toscalar(DeviceProcessEvents | count) < 20"  # an attack has at most 13, the background 20
MANY = "toscalar(DeviceProcessEvents | count) > 0"
ALONE = "it fires on the attack's rows alone, and not where the host's other rows stand beside them"


def verdicts(folder: Path, old: str, new: str) -> dict[str, tuple[Verdict, str]]:
    """What the main job's rule is judged once a part of its text is another."""
    path = main_job_rule(folder)
    rule = path.with_name(path.name.replace(".expect", ""))
    text = rule.read_text()
    assert old in text
    rule.write_text(text.replace(old, new))
    result = prove(open_recording(COMMITTED), load_expectations(path))
    return {each.atomic: (each.verdict, each.reason) for each in result.results if not each.benign}


def test_a_rule_that_fires_only_since_it_sees_few_rows_is_silent(tmp_path: Path) -> None:
    found = verdicts(tmp_path, "| project Timestamp", f"| where {FEW}\n  | project Timestamp")
    assert found == dict.fromkeys(MAIN_JOB, (Verdict.RULE_SILENT, ALONE))


@pytest.mark.parametrize("condition", [MANY, "true"])
def test_one_that_fires_beside_the_others_is_proven(tmp_path: Path, condition: str) -> None:
    found = verdicts(tmp_path, "| project Timestamp", f"| where {condition}\n  | project Timestamp")
    assert {verdict for verdict, _ in found.values()} == {Verdict.PROVEN}
