"""JUnit XML as GitLab and Jenkins read it: a case is its class and name, and classes fold at their dots."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped

from harness.errors import InvalidInput
from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.atomic_result import Alert, AtomicResult, VariantResult
from harness.model.result import Ambiguous, Background, Result
from harness.model.verdict import Verdict
from harness.recording import open_recording
from harness.report.junit import write_junit
from tests.conftest import COMMITTED, EXPECTATIONS, PROJECT


@pytest.fixture(scope="module")
def proven() -> Result:
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))


@pytest.fixture
def whole(proven: Result) -> Result:
    """Two rules, and variants of one atomic: one of them silent."""
    base = proven.results[0]
    found = [*proven.results, variant(base, "docker-socket", "curl"), variant(base, "quoting", 'a"b<c>')]
    found += [each.model_copy(update={"rule": "other.rule"}) for each in found]
    return proven.model_copy(update={"results": found})


def variant(base: AtomicResult, family: str, name: str) -> AtomicResult:
    same = VariantResult(of=base.atomic, family=family, name=name, held_out=False, equivalence="identical")
    update = {"atomic": f"{base.atomic}~{family}.{name}", "variant": same, "verdict": Verdict.RULE_SILENT}
    return base.model_copy(update=update)


def written(path: Path, *results: Result) -> ET.Element:
    write_junit(results, path / "j.xml")
    return ET.parse(path / "j.xml").getroot()


def keys(root: ET.Element) -> list[tuple[str, str]]:
    return [(case.get("classname", ""), case.get("name", "")) for case in root.iter("testcase")]


def test_variants_are_a_class_beside_their_atomic(whole: Result, tmp_path: Path) -> None:
    found = keys(written(tmp_path, whole))
    plain = "livefire.container-cli-api.T1059_013"
    assert (plain, "docker-container-execution") in found
    assert (f"{plain}.docker-container-execution", "docker-socket.curl") in found
    assert ("livefire.other_rule.T1059_013.docker-container-execution", "docker-socket.curl") in found
    assert ("livefire.container-cli-api", "background") in found


def test_no_name_has_a_character_that_breaks_an_address_and_none_is_there_twice(whole: Result, tmp_path: Path) -> None:
    found = keys(written(tmp_path, whole))
    assert len(set(found)) == len(found)
    for classname, name in found:
        assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", classname)
        assert re.fullmatch(r"[\w.-]+", name)


def test_two_rules_of_one_file_name_are_told_apart(proven: Result, tmp_path: Path) -> None:
    found = keys(written(tmp_path, proven.model_copy(update={"results": [*proven.results, *proven.results]})))
    assert len(set(found)) == len(found)
    assert ("livefire.container-cli-api.T1059_013", "docker-container-execution-2") in found


def test_several_recordings_are_told_apart_also_with_one_name(proven: Result, tmp_path: Path) -> None:
    found = keys(written(tmp_path, proven, proven))
    assert len(found) == 8
    assert len(set(found)) == 8
    assert {classname.split(".")[1] for classname, _ in found} == {COMMITTED.name, f"{COMMITTED.name}-2"}


def test_a_case_has_its_place_its_time_and_why_it_failed(
    whole: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    root = written(tmp_path, whole)
    case = next(case for case in root.iter("testcase") if case.get("name") == "docker-socket.curl")
    line = int(case.get("line", ""))
    assert case.get("file") == str(EXPECTATIONS.relative_to(PROJECT))
    assert "docker-container-execution" in EXPECTATIONS.read_text().splitlines()[line - 1]
    assert float(case.get("time", "")) > 0
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("type") == "RULE_SILENT"
    assert (failure.get("message") or "").startswith("RULE_SILENT: ")
    assert "expected at" in (failure.text or "")


def test_the_root_counts_all_suites(whole: Result, proven: Result, tmp_path: Path) -> None:
    root = written(tmp_path, whole, proven)
    suites = list(root)
    for count in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(count, "")) == sum(int(suite.get(count, "")) for suite in suites)
    assert int(root.get("tests", "")) == len(list(root.iter("testcase")))
    assert int(root.get("failures", "")) == 4
    assert float(root.get("time", "")) == pytest.approx(
        sum(float(suite.get("time", "")) for suite in suites), abs=0.002
    )


def test_an_alert_in_the_background_has_a_place_and_its_evidence(proven: Result, tmp_path: Path) -> None:
    row = {"ProcessCommandLine": "docker ps", "HostMount": True}
    background = Background(alerts={"container-cli-api": [Alert(row=row)]})
    root = written(tmp_path, proven.model_copy(update={"background": background}))
    case = next(case for case in root.iter("testcase") if case.get("name") == "background")
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "UNEXPECTED_ALERT: 1 alert in the background, where no atomic ran"
    assert "docker ps" in (failure.text or "")
    assert (case.get("file") or "").endswith("container-cli-api.expect.yaml")
    assert int(case.get("line", "")) > 0


def test_what_is_ambiguous_is_a_case_of_its_own_and_no_failure(proven: Result, tmp_path: Path) -> None:
    assert "ambiguous" not in str(keys(written(tmp_path, proven)))
    unclear = Ambiguous(rows={"Auditd_CL": 3}, alerts={"r": [Alert(row={"ProcessCommandLine": "docker ps"})]})
    root = written(tmp_path, proven.model_copy(update={"ambiguous": unclear}))
    case = next(case for case in root.iter("testcase") if (case.get("classname") or "").endswith("ambiguous"))
    skipped = case.find("skipped")
    assert skipped is not None
    assert "3 in Auditd_CL" in (skipped.get("message") or "")
    assert "docker ps" in (skipped.text or "")
    assert case.find("failure") is None
    assert root.get("failures") == "0"


def test_the_time_of_a_suite_is_utc(proven: Result, tmp_path: Path) -> None:
    started = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    finished = datetime(2026, 1, 1, tzinfo=UTC)
    root = written(tmp_path, proven.model_copy(update={"started": started, "finished": finished}))
    assert [suite.get("timestamp") for suite in root] == ["2025-12-31T23:30:00"]
    assert [suite.get("time") for suite in root] == ["1800.000"]


def test_a_file_that_can_not_be_written_is_named(proven: Result, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written: Is a directory"):
        write_junit([proven], tmp_path)


@given(st.lists(st.tuples(st.sampled_from(list(Verdict)), st.text(st.characters(exclude_categories=[]))), min_size=1))
def test_a_reader_counts_what_was_written_whatever_telemetry_holds(
    proven: Result, tmp_path_factory: pytest.TempPathFactory, outcomes: list[tuple[Verdict, str]]
) -> None:
    """By the parser of publish-unit-test-result-action."""
    base = proven.results[0]
    found = [
        base.model_copy(
            update={
                "atomic": f"{base.technique}/a{number}",
                "verdict": verdict,
                "reason": text,
                "executed": base.executed.model_copy(update={"command": text}),
            }
        )
        for number, (verdict, text) in enumerate(outcomes)
    ]
    path = tmp_path_factory.mktemp("junit") / "j.xml"
    write_junit([proven.model_copy(update={"results": found, "background": Background()})], path)
    (suite,) = list(JUnitXml.fromfile(str(path)))
    kinds = {Verdict.SKIPPED: Skipped, Verdict.INCONCLUSIVE: Error, Verdict.PROVEN: None, Verdict.KNOWN_GAP: None}
    expected = [kinds.get(verdict, Failure) for verdict, _ in outcomes]
    cases = list(suite)
    assert [type(case.result[0]) if case.result else None for case in cases] == expected
    counts = (suite.tests, suite.failures, suite.errors, suite.skipped)
    assert counts == (len(cases), *(expected.count(kind) for kind in (Failure, Error, Skipped)))
    for case, (verdict, _) in zip(cases, outcomes, strict=True):
        for outcome in case.result:
            assert outcome.type == verdict
            assert len(outcome.message.splitlines()) == 1
            assert len(outcome.message) <= 200
            assert outcome.text.startswith(f"{verdict}  {base.technique}/a")
