"""What is not as expected: one failing is told once, with the rule's own lines, and the summary leads to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.files.expectation_file import load_expectations
from harness.files.yaml_reading import load_yaml
from harness.judge.prove import prove
from harness.model.atomic_result import NearMiss
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.recording import open_recording
from harness.report.html import to_html
from harness.report.html.rule_lines import Excerpt, RuleTexts
from harness.report.html.subject import subjects
from harness.report.html.terms import unmatched
from harness.report.html.unmet import Failing, failings
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


def failings_of(result: Result) -> list[Failing]:
    return failings(subjects(result, "r1"), "r1", RuleTexts(result.rules, load_yaml))


def test_results_with_one_verdict_and_one_reason_are_one_cause() -> None:
    missed = {"verdict": Verdict.RULE_SILENT, "reason": "no row passed: p"}
    results = [
        variant(by_atomic(RUN), "quoting", "a", "M", **missed),
        by_atomic(RUN).model_copy(update=missed),
        by_atomic(PRIVILEGED).model_copy(update=missed | {"reason": "no row passed: q"}),
    ]
    found = failings_of(proven().model_copy(update={"results": results}))
    assert [(failing.reason, failing.tally) for failing in found] == [
        ("no row passed: p", "1 atomic, 1 variant"),
        ("no row passed: q", "1 atomic"),
    ]
    assert found[0].first.result.atomic == RUN


def test_the_summary_leads_to_each_cause() -> None:
    page = Page(to_html([everything()]))
    anchors = {a["id"] for _, a in page.tags if "id" in a}
    wanted = {failing.anchor for failing in failings_of(everything())}
    assert wanted <= anchors
    assert wanted <= {a["href"][1:] for a in page.elements("a")}


def without_queries(result: Result) -> Result:
    """As results were before they held the rules' queries."""
    return result.model_copy(update={"rules": {}})


def test_the_rules_own_lines_are_shown_with_the_list_that_the_predicate_names(silent: Result, tmp_path: Path) -> None:
    rule = (tmp_path / f"{RULE}.yaml").read_text().splitlines()
    for result in (silent, without_queries(silent)):
        found = failings_of(result)[0].rejecting
        marked = [line for line in found.lines if line.marked]
        assert marked[0].text == "let SuspiciousCommands = dynamic(["
        assert [line.text for line in marked[-2:]] == ["]);", "| where ProcessCommandLine has_any (SuspiciousCommands)"]
        assert [line.gap for line in found.lines].count(True) == 1
        assert all(rule[line.number - 1].strip() == line.text.strip() for line in found.lines)
        assert found.file == str(tmp_path / f"{RULE}.yaml")
        assert f"> {marked[-1].number}" in Page(to_html([result])).text


def test_the_lines_are_shown_when_the_file_has_changed_or_is_gone(silent: Result, tmp_path: Path) -> None:
    whole = failings_of(silent)[0].rejecting
    rule = tmp_path / f"{RULE}.yaml"
    rule.write_text(rule.read_text().replace('"docker pull"', '"docker push"'))
    assert failings_of(silent)[0].rejecting == whole
    assert failings_of(without_queries(silent))[0].rejecting.lines == []
    assert "The lines of the rule are not shown" in Page(to_html([without_queries(silent)])).text
    rule.unlink()
    assert failings_of(silent)[0].rejecting == whole


def test_a_list_without_the_term_is_told_in_words(silent: Result) -> None:
    assert (
        failings_of(silent)[0].unmatched
        == "None of the 24 terms of SuspiciousCommands occurs in its ProcessCommandLine."
    )
    assert (
        "None of the 24 terms of SuspiciousCommands occurs in its ProcessCommandLine." in Page(to_html([silent])).text
    )


def test_the_lines_that_set_a_wrong_flag_are_shown(tmp_path: Path) -> None:
    expectations = main_job_rule(tmp_path)
    rule = tmp_path / f"{RULE}.yaml"
    rule.write_text(rule.read_text().replace('has_any ("--privileged", "--cap', 'has_any ("--priviledged", "--cap'))
    result = prove(open_recording(COMMITTED), load_expectations(expectations))
    (failing,) = failings_of(result)
    (marked,) = [line for line in failing.flagging.lines if line.marked]
    assert marked.text.startswith('| extend PrivilegedContainer = ProcessCommandLine has_any ("--priviledged"')
    assert rule.read_text().splitlines()[marked.number - 1].strip() == marked.text
    said = "PrivilegedContainer is true, but not by '--privileged' alone"
    assert failing.reason == said
    text = Page(to_html([result])).text
    assert "PrivilegedContainer true true, but not by '--privileged' alone --privileged no, --net=host yes" in text
    for other in ("does not rest on", "does not set it", "is not set by"):
        assert other not in text
    rule.unlink()
    gone = failings_of(result)[0].flagging
    assert [(line.text, line.marked) for line in gone.lines] == [
        (line.text, line.marked) for line in failing.flagging.lines
    ]
    assert gone.file == ""
    assert "Lines are numbered within the query" in Page(to_html([result])).text


@pytest.mark.parametrize("at", ["", "/etc/passwd:1:1", "pyproject.toml:1:1", "x.yaml:99:1", ".:1:1", "\0:1:1"])
def test_a_place_that_is_no_rule_shows_nothing(silent: Result, at: str) -> None:
    near = NearMiss(predicate="p", at=at, values={})
    one = silent.results[0].model_copy(update={"near_miss": near, "at": at})
    assert RuleTexts(silent.rules, load_yaml).around(one) == Excerpt()
    assert RuleTexts({}, load_yaml).around(one) == Excerpt()


def near_miss(predicate: str, **values: object) -> NearMiss:
    return NearMiss(predicate=predicate, at="", values=values)


QUERY = """let Terms = dynamic(["docker run", 'docker ps',]);
let Odd = dynamic(["a\\"b"]);
T | where C has_any (Terms)"""


@pytest.mark.parametrize(
    ("predicate", "value", "said"),
    [
        ("C has_any (Terms)", "podman run", "None of the 2 terms of Terms occurs in its C."),
        ("C has_any (Terms)", "docker runs", ""),  # within a longer word: the engine knows
        ('C has_any ("x", "y", "z")', "abc", "None of the 3 terms occurs in its C."),
        ("C in~ (Terms)", "docker", "Its C is none of the 2 values of Terms."),
        ("C in~ (Terms)", "DOCKER PS", ""),
        ('C in ("A")', "a", "Its C is none of the 1 values."),
        ('C has "x"', "abc", "'x' does not occur in its C."),
        ('C contains "b"', "abc", ""),
        ("C has_any (Odd)", "x", ""),
        ("C has_any (Other)", "x", ""),
        ("C !has 'x'", "x", ""),
        ("not(C has 'x')", "x", ""),
        ("C has_any (Terms) or D has 'x'", "podman", ""),
        ("C has_any (Terms)", None, ""),
        ("C has_any (Terms)", 5, ""),
    ],
)
def test_what_is_said_of_terms(predicate: str, value: object, said: str) -> None:
    assert unmatched(QUERY, near_miss(predicate, C=value)) == said


@given(st.text(), st.text())
def test_of_no_text_more_is_said_than_is_known(query: str, predicate: str) -> None:
    assert isinstance(unmatched(query, near_miss(predicate, C="x")), str)


@given(st.lists(st.text("abXY -=/", min_size=1), min_size=2, max_size=5), st.text("abXY -=/"))
def test_terms_that_occur_are_never_denied(terms: list[str], value: str) -> None:
    listed = ", ".join(f'"{term}"' for term in terms)
    said = unmatched(f"let L = dynamic([{listed}]);\nT | where C has_any (L)", near_miss("C has_any (L)", C=value))
    assert bool(said) is not any(term.lower() in value.lower() for term in terms)


def test_a_command_of_several_lines_is_shown_as_lines() -> None:
    one = by_atomic(RUN)
    executed = one.executed.model_copy(update={"command": "docker run \\\n  busybox\nid"})
    lost = one.model_copy(update={"executed": executed, "verdict": Verdict.NO_TELEMETRY, "reason": "x"})
    html = to_html([proven().model_copy(update={"results": [lost]})])
    assert html.count('<pre class="command">docker run \\\n  busybox\nid</pre>') == 2
