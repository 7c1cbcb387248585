"""A rule that counts or compares rows sees, in a SIEM, the host's other rows too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.expectation import Companion
from harness.model.manifest import BACKGROUND
from harness.model.verdict import Verdict
from harness.recording import open_recording
from tests.conftest import COMMITTED, MAIN_JOB, main_job_rule
from tests.unit.judge.world import RUN, USUAL, World, event, expecting, process

FEW = "toscalar(DeviceProcessEvents | count) < 20"  # an attack has at most 13, the background 20
MANY = "toscalar(DeviceProcessEvents | count) > 0"
ALONE = "it fires on the attack's rows alone, but not when the host's other rows are added"


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


SECOND = """
  DeviceProcessEvents
  | where FileName == "docker"
  | summarize Count = count()
  | where Count > 1
"""
SILENT: dict[str, Any] = {"fires": False, "flags": {}}
LOUD = (Verdict.UNEXPECTED_ALERT, "it fires when the host's other rows are added, and must not")


@pytest.mark.parametrize("entry", [{}, {"benign": "work"}, {"known_gap": "it is blind"}])
def test_one_that_is_silent_only_since_it_sees_few_rows_is_an_alert(tmp_path: Path, entry: dict[str, Any]) -> None:
    own, stranger = [process("docker run x"), event("start")], process("docker ps", "raw/auditd.log:99")
    other = process("id", "raw/auditd.log:99")
    for background, expected in (([stranger], True), ([other], False)):
        slices = {"T1/a": own, BACKGROUND: background}
        found = World(tmp_path).judge(expecting(SECOND, **SILENT, **entry), slices)
        assert ((found.verdict, found.reason) == LOUD) is expected
        assert found.verdict.as_expected is not expected


def test_what_the_background_raises_by_itself_is_its_own_matter(tmp_path: Path) -> None:
    loud = [process("docker ps", "raw/auditd.log:98"), process("docker ps", "raw/auditd.log:99")]
    slices = {"T1/a": USUAL[:1] + USUAL[2:], BACKGROUND: loud}
    assert World(tmp_path).judge(expecting(SECOND, **SILENT), slices).verdict is Verdict.PROVEN


def test_known_false_alarms_are_counted_in_the_benign_run_alone(tmp_path: Path) -> None:
    known: dict[str, Any] = {"benign": "work", "false_alarms": 1, "known_gap": "it is loud"}
    slices = {"T1/a": USUAL, BACKGROUND: [process("docker ps", "raw/auditd.log:99")]}
    assert World(tmp_path).judge(expecting(SECOND, **SILENT, **known), slices).verdict is Verdict.KNOWN_GAP


OTHERS = [process("id", f"raw/auditd.log:{line}") for line in range(50, 60)]
BESIDE = "when the host's other rows are added to the attack's"


def test_beside_the_others_a_companion_alone_is_no_row_of_the_attack(tmp_path: Path) -> None:
    shell = process("bash -c docker run", "raw/auditd.log:6")
    query = """
      DeviceProcessEvents
      | where ProcessCommandLine has "run"
      | where FileName == "bash" or toscalar(DeviceProcessEvents | count) < 4
      | project FileName, Root = true
    """
    expected = expecting(query, (Companion(reason="a shell", where='FileName == "bash"'),))
    for background, verdict in (([], Verdict.PROVEN), (OTHERS, Verdict.RULE_SILENT)):
        found = World(tmp_path).judge(expected, {"T1/a": [process(RUN), shell, event("start")], BACKGROUND: background})
        assert found.verdict is verdict
    assert found.reason == ALONE


def test_flags_hold_beside_the_others_too(tmp_path: Path) -> None:
    query = """
      DeviceProcessEvents
      | summarize Count = count(), Own = countif(ProcessCommandLine has "--privileged")
      | where Own > 0
      | project Own, Root = Own == Count
    """
    slices = {"T1/a": [process(RUN), event("start")], BACKGROUND: OTHERS}
    found = World(tmp_path).judge(expecting(query), slices)
    assert (found.verdict, found.reason) == (Verdict.WRONG_FLAGS, f"Root is false, expected true, {BESIDE}")


def test_rows_that_look_like_those_of_the_background_are_as_many_more(tmp_path: Path) -> None:
    query = "DeviceProcessEvents | where toscalar(DeviceProcessEvents | count) > 0 | project FileName, Root = true"
    slices = {"T1/a": [process(RUN), event("start")], BACKGROUND: [process("docker ps", "raw/auditd.log:99")]}
    found = World(tmp_path).judge(expecting(query), slices)
    assert (found.verdict, found.reason) == (Verdict.PROVEN, "executed, seen, fired, and exactly these flags")
