"""What is not as expected: one cause is told once, with the rule's own lines, and the summary leads to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.model.expectation import load_expectations
from harness.model.result import NearMiss, Result
from harness.model.verdict import Verdict
from harness.proof.prove import prove
from harness.recording import open_recording
from harness.report.html import to_html
from harness.report.html.rule_lines import RuleFiles
from harness.report.html.subject import subjects
from harness.report.html.unmet import Cause, causes
from tests.conftest import COMMITTED, main_job_rule
from tests.unit.report.html.parsed import Page
from tests.unit.report.html.samples import PRIVILEGED, RULE, RUN, by_atomic, everything, proven, variant


@pytest.fixture
def silent(tmp_path: Path) -> Result:
    """The committed recording under our rule without `docker run`."""
    expectations = main_job_rule(tmp_path)
    rule = tmp_path / f"{RULE}.yaml"
    rule.write_text(rule.read_text().replace(' "docker run",', ""))
    return prove(open_recording(COMMITTED), load_expectations(expectations))


def causes_of(result: Result) -> list[Cause]:
    return causes(subjects(result, "r1"), "r1", RuleFiles())


def test_results_with_one_verdict_and_one_reason_are_one_cause() -> None:
    missed = {"verdict": Verdict.RULE_SILENT, "reason": "no row passed: p"}
    results = [
        variant(by_atomic(RUN), "quoting", "a", "M", **missed),
        by_atomic(RUN).model_copy(update=missed),
        by_atomic(PRIVILEGED).model_copy(update=missed | {"reason": "no row passed: q"}),
    ]
    found = causes_of(proven().model_copy(update={"results": results}))
    assert [(cause.reason, cause.tally) for cause in found] == [
        ("no row passed: p", "1 atomic, 1 variant"),
        ("no row passed: q", "1 atomic"),
    ]
    assert found[0].first.result.atomic == RUN


def test_the_summary_leads_to_each_cause() -> None:
    page = Page(to_html([everything()]))
    anchors = {a["id"] for _, a in page.tags if "id" in a}
    wanted = {cause.anchor for cause in causes_of(everything())}
    assert wanted <= anchors
    assert wanted <= {a["href"][1:] for a in page.elements("a")}


def test_the_rules_own_lines_are_shown_around_the_predicate(silent: Result) -> None:
    lines = causes_of(silent)[0].rule_lines
    (marked,) = [line for line in lines if line.marked]
    assert marked.text.strip() == "| where ProcessCommandLine has_any (SuspiciousCommands)"
    assert lines[0].text.strip() == "let SuspiciousCommands = dynamic(["  # what the predicate names
    assert [line.gap for line in lines].count(True) == 1
    assert f"> {marked.number}" in Page(to_html([silent])).text


def test_another_rule_under_the_same_name_is_not_shown(silent: Result, tmp_path: Path) -> None:
    rule = tmp_path / f"{RULE}.yaml"
    rule.write_text(rule.read_text().replace('"docker pull"', '"docker push"'))
    assert causes_of(silent)[0].rule_lines == []
    assert "The rule's lines are not shown" in Page(to_html([silent])).text
    rule.unlink()
    assert causes_of(silent)[0].rule_lines == []


@pytest.mark.parametrize("at", ["", "/etc/passwd:1:1", "pyproject.toml:1:1", "x.yaml:99:1", ".:1:1", "\0:1:1"])
def test_a_place_that_is_no_rule_shows_nothing(silent: Result, at: str) -> None:
    near = NearMiss(predicate="p", at=at, values={})
    one = silent.results[0].model_copy(update={"near_miss": near})
    assert RuleFiles().around(one) == []


def test_a_command_of_several_lines_is_shown_as_lines() -> None:
    one = by_atomic(RUN)
    executed = one.executed.model_copy(update={"command": "docker run \\\n  busybox\nid"})
    lost = one.model_copy(update={"executed": executed, "verdict": Verdict.NO_TELEMETRY, "reason": "x"})
    html = to_html([proven().model_copy(update={"results": [lost]})])
    assert html.count('<pre class="command">docker run \\\n  busybox\nid</pre>') == 2
