"""The pytest plugin, run by pytest on the committed recording."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb  # noqa: F401  pytester forgets what was imported within it, and this extension can't be loaded twice
import pytest

from tests.conftest import COMMITTED, EXPECTATIONS, main_job_rule


@pytest.fixture
def proof(pytester: pytest.Pytester) -> Path:
    """A rules repository with our rule and the expectations of three atomics."""
    return main_job_rule(pytester.mkdir("expectations")).parent


def run(pytester: pytest.Pytester, *arguments: object) -> pytest.RunResult:
    return pytester.runpytest_inprocess("-p", "no:randomly", *map(str, arguments))


def test_a_recording_gives_an_item_for_each_atomic_and_layer(pytester: pytest.Pytester, proof: Path) -> None:
    done = run(pytester, proof, f"--livefire-recording={COMMITTED}", "-v", "--junit-xml=j.xml")
    done.assert_outcomes(passed=16)
    done.stdout.fnmatch_lines(["*container-cli-api.expect.yaml::T1059.013/docker-container-execution::seen PASSED*"])
    assert 'name="verdict" value="PROVEN"' in (pytester.path / "j.xml").read_text()


def test_a_broken_layer_fails_and_the_later_ones_say_so(pytester: pytest.Pytester, proof: Path) -> None:
    rule = proof / "container-cli-api.yaml"
    rule.write_text(rule.read_text().replace('"docker exec", "docker run",', '"docker exec",'))
    done = run(pytester, proof, f"--livefire-recording={COMMITTED}", "-rs")
    done.assert_outcomes(passed=14, failed=1, skipped=1)
    done.stdout.fnmatch_lines(
        [
            "RULE_SILENT  T1059.013/docker-container-execution",
            "*rejected by: ProcessCommandLine has_any (SuspiciousCommands)",
            "*container-cli-api.expect.yaml:*:",
            "*the layer 'fired' let go*",
        ]
    )
    done.stdout.no_fnmatch_line("*Traceback*")


def test_k_selects_and_ini_keys_count(pytester: pytest.Pytester, proof: Path) -> None:
    pytester.makeini(f"[pytest]\nlivefire_recording = {COMMITTED}\n")
    run(pytester, proof, "-k", "secrets and flags").assert_outcomes(passed=1, deselected=15)


def test_a_mistake_is_a_collection_error_with_its_place(pytester: pytest.Pytester, proof: Path) -> None:
    path = proof / EXPECTATIONS.name
    path.write_text(path.read_text().replace("HostMount: false", "HostMuont: false", 1))
    done = run(pytester, proof, f"--livefire-recording={COMMITTED}")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*expect.yaml:*: the rule has no flag 'HostMuont'", "*Did you mean 'HostMount'?"])


def test_a_damaged_recording_fails_every_item_by_its_message(pytester: pytest.Pytester, proof: Path) -> None:
    copy = Path(shutil.copytree(COMMITTED, pytester.path / "copy"))
    (copy / "raw/auditd.log").write_text("other")
    done = run(pytester, proof, f"--livefire-recording={copy}")
    done.assert_outcomes(failed=16)
    done.stdout.fnmatch_lines(["*auditd.log: does not match its hash in the manifest"])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_without_an_option_nothing_is_collected(pytester: pytest.Pytester, proof: Path) -> None:
    assert run(pytester, proof).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_live_and_replay_exclude_each_other(pytester: pytest.Pytester, proof: Path) -> None:
    done = run(pytester, proof, "--livefire", f"--livefire-recording={COMMITTED}")
    assert done.ret == pytest.ExitCode.USAGE_ERROR


def test_a_session_in_which_nothing_was_judged_does_not_pass(pytester: pytest.Pytester, proof: Path) -> None:
    path = proof / EXPECTATIONS.name
    document = path.read_text()
    first = document.index("  - atomic: T1059.013/docker-container-execution")
    second = document.index("  - atomic: T1059.013/docker-privileged")
    only = document[:first] + document[first:second].replace("docker-container-execution", "something-else")
    path.write_text(only + document[second:].split("  - atomic:")[0])
    done = run(pytester, proof, f"--livefire-recording={COMMITTED}")
    assert done.ret != pytest.ExitCode.OK
