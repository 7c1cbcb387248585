"""Which tests there are, and how users choose among them."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.conftest import COMMITTED, EXPECTATIONS
from tests.unit.pytest_plugin.conftest import REPLAY, Log, Run

NOT_JUDGED = "livefire: 1 file of expectations not judged: give --livefire-recording=DIR or --livefire"
SECRETS = "T1059.013/kubectl-secrets-enumeration"


def test_a_recording_gives_an_item_for_each_atomic_and_layer(pytester: pytest.Pytester, proof: Path, run: Run) -> None:
    done = run(proof, REPLAY, "-v", "--junit-xml=j.xml")
    done.assert_outcomes(passed=16, failed=1)
    done.stdout.fnmatch_lines(["*container-cli-api.expect.yaml::T1059.013/docker-container-execution::seen PASSED*"])
    cases = list(ET.parse(pytester.path / "j.xml").iter("testcase"))
    verdicts = [each.get("value") for each in cases[0].iter("property") if each.get("name") == "verdict"]
    assert verdicts == ["PROVEN"]
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == 17


def test_without_an_option_nothing_is_collected(proof: Path, run: Run) -> None:
    done = run(proof)
    assert done.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    done.stdout.fnmatch_lines([NOT_JUDGED])


def test_beside_other_tests_it_is_told_and_fails_where_all_is_required(
    pytester: pytest.Pytester, proof: Path, run: Run
) -> None:
    (proof / "test_other.py").write_text("def test_other() -> None: ...\n")
    done = run(proof)
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines([NOT_JUDGED])
    assert done.ret == pytest.ExitCode.OK
    pytester.makeini("[pytest]\nlivefire_require_all = true\n")
    for done in (run(proof), run(proof, "--livefire-require-all")):
        done.stdout.fnmatch_lines([NOT_JUDGED])
        assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert run(proof / "test_other.py").ret == pytest.ExitCode.OK  # nothing was asked for


def test_without_the_plugin_nothing_is_collected(proof: Path, run_apart: Run) -> None:
    assert run_apart(proof, "-p", "no:livefire").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    ("choice", "passed", "failed"),
    [
        (["-k", "secrets and flags"], 1, 0),
        (["-k", "container-cli-api and background"], 1, 0),
        (["-m", "livefire(layer='fired')"], 3, 0),
        (["-m", "livefire(layer='fired', atomic='T1059.013/kubectl-secrets-enumeration')"], 1, 0),
        (["-m", "livefire(technique='T1059.013') and not livefire(layer='seen')"], 12, 0),
        (["-m", "livefire(rule='container-cli-api')"], 16, 1),
        (["-m", "livefire(kind='background')"], 1, 0),
        (["-m", "livefire(kind='proven')"], 0, 1),
        (["-m", "livefire(mode='replay') and not livefire(kind='attack')"], 1, 1),
    ],
)
def test_k_and_m_select(proof: Path, run: Run, choice: list[str], passed: int, failed: int) -> None:
    done = run(proof, REPLAY, "--strict-markers", *choice)
    done.assert_outcomes(passed=passed, failed=failed, deselected=17 - passed - failed)


def test_a_benign_run_is_found_by_its_family(proof: Path, run: Run) -> None:
    path = proof / EXPECTATIONS.name
    head, execution, *_ = path.read_text().split("  - atomic: ")
    oracle = execution.split("    evade: true\n")[0].split("    fires: true\n")[0]
    path.write_text(f"{head}  - atomic: {oracle}    benign: engineer\n    fires: false\n")
    done = run(proof, REPLAY, "-m", "livefire(kind='benign')", "-k", "engineer and benign")
    done.assert_outcomes(passed=3, failed=1, skipped=1, deselected=2)
    done.stdout.fnmatch_lines(["UNEXPECTED_ALERT *"])


@pytest.mark.parametrize(
    ("names", "passed"), [(f"{SECRETS}::fired", 1), (SECRETS, 5), ("background", 1), (f"{SECRETS}::fried", 0)]
)
def test_node_ids_can_be_given(proof: Path, run: Run, names: str, passed: int) -> None:
    done = run(f"{proof / EXPECTATIONS.name}::{names}", REPLAY)
    if passed:
        done.assert_outcomes(passed=passed)
    else:
        assert done.ret == pytest.ExitCode.USAGE_ERROR


def test_collecting_prints_node_ids_and_judges_nothing(proof: Path, judged: Log, run_apart: Run) -> None:
    done = run_apart(proof, REPLAY, "--collect-only", "-q")
    done.stdout.fnmatch_lines([f"expectations/{EXPECTATIONS.name}::{SECRETS}::flags", "17 tests collected*"])
    assert judged() == []


def test_lf_ff_and_sw_begin_with_what_failed(proof: Path, run: Run) -> None:
    rule = proof / "container-cli-api.yaml"
    whole = rule.read_text()
    rule.write_text(whole.replace('"docker exec", "docker run",', '"docker exec",'))
    run(proof, REPLAY, "--sw").assert_outcomes(passed=3, failed=1)
    run(proof, REPLAY, "--lf").assert_outcomes(failed=1, deselected=16)
    first = run(proof, REPLAY, "--ff", "-x", "-v")
    first.assert_outcomes(failed=1)
    rule.write_text(whole)
    run(proof, REPLAY, "--sw").assert_outcomes(passed=13, failed=1, deselected=3)


def test_a_mistake_is_a_collection_error_with_its_place(proof: Path, run: Run) -> None:
    path = proof / EXPECTATIONS.name
    path.write_text(path.read_text().replace("HostMount: false", "HostMuont: false", 1))
    done = run(proof, REPLAY)
    done.assert_outcomes(errors=1)
    where = f"expectations/{EXPECTATIONS.name}:*: the rule has no flag 'HostMuont'"
    done.stdout.fnmatch_lines([where, "*Did you mean 'HostMount'?"])


def test_a_damaged_recording_is_one_error(pytester: pytest.Pytester, proof: Path, run: Run) -> None:
    copy = Path(shutil.copytree(COMMITTED, pytester.path / "copy"))
    (copy / "raw/auditd.log").write_text("other")
    done = run(proof, f"--livefire-recording={copy}")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["copy/raw/auditd.log: does not match its hash in the manifest"])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_a_session_in_which_nothing_was_judged_does_not_pass(proof: Path, run: Run) -> None:
    path = proof / EXPECTATIONS.name
    document = path.read_text()
    first = document.index("  - atomic: T1059.013/docker-container-execution")
    second = document.index("  - atomic: T1059.013/docker-privileged")
    path.write_text(document[:first] + document[first:second].replace("docker-container-execution", "something-else"))
    done = run(proof, REPLAY)
    done.assert_outcomes(skipped=7)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines([f"livefire: no expectation names an atomic of {COMMITTED}"])
