"""Judging a whole recording."""

from __future__ import annotations

from pathlib import Path

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.verdict import ExitCode
from harness.recording import Recording
from tests.conftest import EXPECTATIONS


def test_false_positives_are_kept_for_each_of_two_rules_of_one_name(committed: Recording, tmp_path: Path) -> None:
    quiet = EXPECTATIONS.with_name("container-cli-api.yaml").read_text()
    noisy = quiet.replace('| where FileName in~ ("docker", "kubectl", "crictl", "ctr", "podman", "nerdctl")', "")
    noisy = noisy.replace("| where ProcessCommandLine has_any (SuspiciousCommands)", "")
    expectations = []
    for folder, text in (("noisy", noisy), ("quiet", quiet)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "container-cli-api.yaml").write_text(text)
        path = tmp_path / folder / EXPECTATIONS.name
        path.write_text(EXPECTATIONS.read_text())
        expectations += load_expectations(path)
    result = prove(committed, expectations)
    assert result.background.count == result.background.rows["DeviceProcessEvents"] > 0
    assert result.exit_code is ExitCode.UNMET
