"""The detonator, with real shells. Audit sessions need root: the lab tests see to them."""

from pathlib import Path

import pytest

from harness.capture.detonator import Surroundings, detonate, execute
from harness.model.atomic import Atomic, load_atomics

ATOMIC = """\
attack_technique: T1059.013
display_name: Container CLI/API
atomic_tests:
  - name: Test
    supported_platforms: [{platform}]
    input_arguments:
      word: {{type: string, default: fire}}
    dependencies:
      - description: "#{{word}} is needed"
        prereq_command: "{prerequisite}"
    executor:
      name: sh
      command: "echo #{{word}} > made"
      cleanup_command: "rm -f made; touch cleaned"
"""


@pytest.fixture
def surroundings(tmp_path: Path) -> Surroundings:
    return Surroundings("test/shell", tmp_path, None, None)


def atomic(tmp_path: Path, prerequisite: str = "true", platform: str = "linux") -> Atomic:
    path = tmp_path / "T1059.013.yaml"
    path.write_text(ATOMIC.format(prerequisite=prerequisite, platform=platform))
    return load_atomics(path)[0]


def test_runs_the_command_with_its_arguments_and_always_cleans_up(tmp_path: Path, surroundings: Surroundings) -> None:
    attack = Surroundings("test/shell", tmp_path, None, None, "someone")
    found = detonate(atomic(tmp_path), attack, surroundings, timeout=10)
    assert found.attack is not None
    assert found.attack.command == "echo fire > made"
    assert found.attack.exit_code == 0
    assert [each.role for each in found.others] == ["prerequisite", "cleanup"]
    assert (tmp_path / "cleaned").exists()
    assert found.user == "someone"


def test_a_missing_prerequisite_skips_it_by_name(tmp_path: Path, surroundings: Surroundings) -> None:
    found = detonate(atomic(tmp_path, prerequisite="false"), surroundings, surroundings, timeout=10)
    assert found.skipped == "prerequisite not met: fire is needed"
    assert found.attack is None
    assert not (tmp_path / "cleaned").exists()


def test_another_platform_is_skipped_by_name(tmp_path: Path, surroundings: Surroundings) -> None:
    found = detonate(atomic(tmp_path, platform="windows"), surroundings, surroundings, timeout=10)
    assert found.skipped == "made for windows"


def test_the_time_limit_ends_the_whole_group(surroundings: Surroundings) -> None:
    found = execute("attack", "bash", "trap '' TERM; sleep 1000 & wait; sleep 1000", surroundings, timeout=0.2)
    assert found.timed_out
    assert found.exit_code == -9


def test_output_is_counted_and_not_kept(surroundings: Surroundings) -> None:
    found = execute("attack", "sh", "echo secret; echo more >&2", surroundings, timeout=10)
    assert (found.output.stdout_bytes, found.output.stderr_bytes) == (7, 5)
    assert "secret" not in found.output.model_dump_json()


def test_the_environment_is_explicit(
    tmp_path: Path, surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    execute("attack", "bash", "env > seen", surroundings, timeout=10)
    names = {line.partition("=")[0] for line in (tmp_path / "seen").read_text().splitlines()}
    assert not names & {"AWS_SECRET_ACCESS_KEY", "LIVEFIRE_COMMAND", "LIVEFIRE_SHELL", "LIVEFIRE_TOLD"}
    assert {"HOME", "PATH"} <= names
