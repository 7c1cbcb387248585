"""SARIF: what its schema and GitHub require is there, and each finding stands at its place in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from sarif_kit.validate import validation_errors

from harness.errors import InvalidFiles, InvalidInput, LivefireError, Position, RuleNotRunnable
from harness.files.expectation_file import load_expectations
from harness.model.mutants import Mutants, Status
from harness.model.rule import Rule
from harness.report.sarif import Finding, of_mistakes, of_mutants, to_sarif, write_sarif
from harness.study.mutation.bench import mutant_of
from harness.study.mutation.equivalence import equivalence
from harness.study.mutation.operators import mutations
from harness.study.mutation.suggestion import suggest
from tests.conftest import EXPECTATIONS, PROJECT

HARDENED = EXPECTATIONS.with_name("container-api-hardened.expect.yaml")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Text(_Strict):
    text: str = Field(min_length=1)


class Description(_Strict):
    text: str = Field(min_length=1, max_length=1024)


class Configuration(_Strict):
    level: Literal["none", "note", "warning", "error"]


class Descriptor(_Strict):
    id: str = Field(min_length=1, max_length=255)
    shortDescription: Description
    fullDescription: Description
    help: Text
    defaultConfiguration: Configuration


class Driver(_Strict):
    name: str = Field(min_length=1)
    version: str
    rules: list[Descriptor]


class Tool(_Strict):
    driver: Driver


class Artifact(_Strict):
    uri: str = Field(min_length=1, pattern=r"^[!-~]+$")
    uriBaseId: str | None = None


class Region(_Strict):
    startLine: int = Field(ge=1)
    startColumn: int = Field(ge=1)
    endLine: int = Field(ge=1)
    endColumn: int = Field(ge=2)


class Physical(_Strict):
    artifactLocation: Artifact
    region: Region


class Location(_Strict):
    physicalLocation: Physical


class Fingerprints(_Strict):
    primaryLocationLineHash: str = Field(pattern=r"^[0-9a-f]{16}:\d+$")


class Found(_Strict):
    ruleId: str
    ruleIndex: int = Field(ge=0)
    level: Literal["none", "note", "warning", "error"]
    message: Text
    locations: list[Location] = Field(min_length=1, max_length=1)
    partialFingerprints: Fingerprints


class Notification(_Strict):
    level: Literal["none", "note", "warning", "error"]
    message: Text


class Invocation(_Strict):
    executionSuccessful: bool
    toolExecutionNotifications: list[Notification]


class Automation(_Strict):
    id: str = Field(pattern=r".+/$")


class Run(_Strict):
    tool: Tool
    automationDetails: Automation
    columnKind: Literal["utf16CodeUnits", "unicodeCodePoints"]
    results: list[Found] = Field(max_length=5000)  # GitHub shows no more of one run
    invocations: list[Invocation] = []


class Log(_Strict):
    """What GitHub requires beyond the schema (its page "SARIF support for code scanning"), and nothing else."""

    schema_: str = Field(alias="$schema", pattern=r"^https://.*sarif-schema-2\.1\.0\.json$")
    version: Literal["2.1.0"]
    runs: list[Run] = Field(min_length=1, max_length=1)


def run_of(document: Any) -> Run:
    """The run, after the document was checked against the standard's own schema and against what GitHub wants."""
    assert validation_errors(document) == []
    (run,) = Log.model_validate_json(json.dumps(document)).runs
    for result in run.results:
        assert run.tool.driver.rules[result.ruleIndex].id == result.ruleId
    assert len({rule.id for rule in run.tool.driver.rules}) == len(run.tool.driver.rules)
    return run


def marked(found: Found) -> str:
    """The text of the file that a finding points at."""
    place = found.locations[0].physicalLocation
    line = (PROJECT / unquote(place.artifactLocation.uri)).read_text().splitlines()[place.region.startLine - 1]
    return line[place.region.startColumn - 1 : place.region.endColumn - 1]


@pytest.fixture(scope="module")
def report() -> Mutants:
    """All mutants of a real rule; as if no test noticed any, but for those that are proven to be equivalent."""
    rule: Rule = load_expectations(HARDENED)[0].rule
    judged = []
    for change in mutations(rule.query):
        why, at = equivalence(change, rule.query), rule.at(change.line, change.column)
        status: Status = "equivalent" if why else "live"
        judged.append(mutant_of(change, at, status, suggestion=why or suggest(change)))
    return Mutants(rule=rule.id, cases=1, score=0, mutants=judged)


def test_each_live_mutant_is_a_warning_at_what_it_changes(report: Mutants) -> None:
    run = run_of(to_sarif(of_mutants(report), "mutate/x"))
    live = [mutant for mutant in report.mutants if mutant.status == "live"]
    found = [result for result in run.results if result.level == "warning"]
    assert len(found) == len(live) > 100
    for result, mutant in zip(found, live, strict=True):
        assert result.ruleId == mutant.operator
        assert mutant.before.startswith(marked(result))
        assert mutant.suggestion.split()[0] in result.message.text
    assert {each.locations[0].physicalLocation.artifactLocation.uri for each in found} == {
        "expectations/T1059.013/container-api-hardened.yaml"
    }
    assert {each.locations[0].physicalLocation.artifactLocation.uriBaseId for each in found} == {"%SRCROOT%"}


def test_an_unreachable_pattern_is_a_note(report: Mutants) -> None:
    run = run_of(to_sarif(of_mutants(report), "mutate/x"))
    notes = [result for result in run.results if result.level == "note"]
    assert '"CAP_SYS_ADMIN"' in [marked(note) for note in notes]
    assert {note.ruleId for note in notes} == {"unreachable-pattern"}
    assert all("another element matches" in note.message.text for note in notes)


def test_killed_and_invalid_mutants_are_no_findings(report: Mutants) -> None:
    mutant = report.mutants[0]
    judged = [mutant.model_copy(update={"status": status}) for status in ("killed", "invalid")]
    assert of_mutants(Mutants(rule="x", cases=1, score=1, mutants=judged)) == []


def test_findings_of_one_line_are_told_apart(report: Mutants) -> None:
    run = run_of(to_sarif(of_mutants(report), "mutate/x"))
    prints = {result.partialFingerprints.primaryLocationLineHash for result in run.results}
    assert len(prints) == len(run.results)


def test_a_fingerprint_does_not_depend_on_the_line() -> None:
    def prints(line: int) -> list[str]:
        twice = [Finding("k", "about", "error", "m", Position(Path("a.yaml"), line + n, 1)) for n in range(2)]
        results = run_of(to_sarif(twice, "lint")).results
        return [result.partialFingerprints.primaryLocationLineHash for result in results]

    assert prints(1) == prints(7)
    assert len(set(prints(1))) == 2


def test_mistakes_are_errors_by_kind_also_several_at_once() -> None:
    mistakes: list[LivefireError] = [
        InvalidFiles([InvalidInput("unknown key 'fire'", at=Position(Path("a b.yaml"), 3, 5), hint="Did you mean x?")]),
        RuleNotRunnable("no such table", at=Position(Path("a b.yaml"))),
    ]
    run = run_of(to_sarif(of_mistakes(mistakes), "lint"))
    first, second = run.results
    assert (first.ruleId, second.ruleId) == ("invalid-input", "rule-not-runnable")
    assert first.message.text == "unknown key 'fire'. Did you mean x?"
    place = first.locations[0].physicalLocation
    assert place.artifactLocation == Artifact(uri="a%20b.yaml", uriBaseId="%SRCROOT%")
    assert (place.region.startLine, place.region.startColumn) == (3, 5)
    assert second.locations[0].physicalLocation.region.startLine == 1
    assert {result.level for result in run.results} == {"error"}


def test_a_mistake_without_a_place_is_a_failure_of_the_run() -> None:
    run = run_of(to_sarif(of_mistakes([InvalidInput("there is nothing here")]), "lint"))
    assert run.results == []
    assert not run.invocations[0].executionSuccessful
    assert run.invocations[0].toolExecutionNotifications[0].message.text == "there is nothing here."


def test_a_file_elsewhere_has_an_absolute_address(tmp_path: Path) -> None:
    finding = Finding("k", "about", "error", "m", Position(tmp_path / "r.yaml", 1, 1))
    place = run_of(to_sarif([finding], "lint")).results[0].locations[0].physicalLocation.artifactLocation
    assert place.uri.startswith("file:///")
    assert place.uriBaseId is None


def test_without_findings_there_is_a_file_that_says_so(tmp_path: Path) -> None:
    write_sarif([], tmp_path / "f.sarif", "lint")
    run = run_of(json.loads((tmp_path / "f.sarif").read_text(encoding="utf-8")))
    assert (run.results, run.invocations) == ([], [])


@given(st.text(min_size=1))
def test_any_message_is_one_line_without_placeholders_or_links(text: str) -> None:
    finding = Finding("k", "about", "error", f"x{text}[a](b){{0}}", Position(Path("a.yaml"), 1, 1))
    message = run_of(to_sarif([finding], "lint")).results[0].message.text
    assert len(message.splitlines()) == 1
    assert message.endswith("\\[a](b){{0}}")
    assert "{" not in message.replace("{{", "")
