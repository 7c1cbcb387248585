"""The detonator, with real shells. Audit sessions need root: the lab tests see to them."""

import signal
import tempfile
import time
from pathlib import Path

import pytest

from harness.capture import shell
from harness.capture.detonator import detonate
from harness.capture.shell import Surroundings, execute
from harness.files.atomic_file import load_atomics
from harness.model.atomic import Atomic

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


def test_canaries_are_executed_before_and_after_the_attack_and_are_no_child_of_it(
    tmp_path: Path, surroundings: Surroundings
) -> None:
    found = execute("attack", "bash", "echo $PPID > parent; kill -TERM $PPID; kill 0", surroundings, timeout=10)
    assert [(each.when, each.name) for each in found.canaries if each.name == "sh"] == [
        ("before", "sh"),
        ("after", "sh"),
    ]
    assert all(each.pid for each in found.canaries)
    assert len({each.token for each in found.canaries}) == len(found.canaries)
    assert int((tmp_path / "parent").read_text()) == found.pid
    assert found.exit_code == 128 + signal.SIGTERM


def test_an_attack_that_ends_its_launcher_has_no_canary_after_it(surroundings: Surroundings) -> None:
    found = execute("attack", "bash", "kill -KILL $PPID", surroundings, timeout=10)
    assert {each.when for each in found.canaries if each.pid is None} == {"after"}
    assert found.exit_code == -signal.SIGKILL


def test_the_time_limit_leaves_time_for_the_canaries(surroundings: Surroundings) -> None:
    found = execute("attack", "bash", "trap '' TERM; sleep 1000", surroundings, timeout=0.2)
    assert found.timed_out
    assert all(each.pid for each in found.canaries)


def test_prerequisites_have_no_canaries(surroundings: Surroundings) -> None:
    assert execute("prerequisite", "sh", "true", surroundings, timeout=10).canaries == []


def test_what_an_attack_writes_into_what_the_launcher_tells_breaks_nothing(surroundings: Surroundings) -> None:
    path = "$(tr '\\0' '\\n' </proc/$PPID/environ | sed -n s/^LIVEFIRE_TOLD=//p)"
    write = f'head -c 99 /dev/urandom >"{path}"'
    assert execute("attack", "bash", write, surroundings, timeout=10).exit_code is not None


class Dead:
    """The pulse of a lab of which a command waits for what has died."""

    def died(self) -> str:
        return "it is dead"

    holds_up = died


def test_a_command_that_waits_for_a_dead_lab_is_ended(
    surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "_PROBING", 0.1)
    found = execute("attack", "bash", "sleep 1000", surroundings, timeout=100, pulse=Dead())
    assert (found.timed_out, found.given_up) == (False, "it is dead")
    assert found.exit_code == -signal.SIGTERM
    whole = execute("attack", "bash", "sleep 0.5", surroundings, timeout=100)
    assert (whole.exit_code, whole.given_up) == (0, "")
    late = execute("attack", "bash", "sleep 1000", surroundings, timeout=0.3)
    assert (late.timed_out, late.given_up) == (True, "")


# What the launcher was given shows in its environment, and so where it tells how it goes.
_TOLD = "told=$(tr '\\0' '\\n' </proc/$PPID/environ | sed -n s/^LIVEFIRE_TOLD=//p); rm $told; "


@pytest.mark.parametrize("instead", ["mkdir $told", "ln -s /dev/zero $told", "mkfifo $told", "true"])
def test_what_an_attack_puts_in_the_place_of_what_is_told_is_not_read_and_keeps_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instead: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    surroundings = Surroundings("test/shell", tmp_path, None, None)
    started = time.monotonic()
    done = execute("attack", "bash", _TOLD + instead, surroundings, timeout=2)
    assert time.monotonic() - started < 15
    assert {each.pid is None for each in done.canaries if each.when == "after"} == {True}
    assert {each.pid is None for each in done.canaries if each.when == "before"} == {False}
