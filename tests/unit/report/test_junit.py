"""JUnit XML as GitLab and Jenkins read it: a case is its class and name, and classes fold at their dots."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.model.expectation import load_expectations
from harness.model.result import AtomicResult, Result, VariantResult
from harness.model.verdict import Verdict
from harness.proof.prove import prove
from harness.recording import open_recording
from harness.report.junit import write_junit
from tests.conftest import COMMITTED, EXPECTATIONS


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


def test_several_recordings_are_told_apart_also_with_one_name(proven: Result, tmp_path: Path) -> None:
    found = keys(written(tmp_path, proven, proven))
    assert len(found) == 8
    assert len(set(found)) == 8
    assert {classname.split(".")[1] for classname, _ in found} == {COMMITTED.name, f"{COMMITTED.name}-2"}


def test_a_case_has_its_place_its_time_and_why_it_failed(whole: Result, tmp_path: Path) -> None:
    root = written(tmp_path, whole)
    case = next(case for case in root.iter("testcase") if case.get("name") == "docker-socket.curl")
    line = int(case.get("line", ""))
    assert Path(case.get("file", "")) == EXPECTATIONS
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
