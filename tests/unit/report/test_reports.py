"""What is printed and written: it fits, it is complete, and telemetry cannot break out of it."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from harness.files.expectation_file import load_expectations
from harness.files.result_file import SCHEMA_FILE, schema, to_json
from harness.judge.prove import prove
from harness.model.atomic_result import Alert, AtomicResult, Flag, NearMiss
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.recording import open_recording
from harness.report.console import print_result
from harness.report.describe import details
from harness.report.junit import write_junit
from harness.text import visible, visible_text
from tests.conftest import COMMITTED, EXPECTATIONS

NASTY = "docker run \x1b[31m[bold]red[/bold] <script>alert(1)</script> \x07\u202e\x00 &amp; ]]>"


@pytest.fixture(scope="module")
def proven() -> Result:
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))


def with_verdict(result: Result, verdict: Verdict) -> Result:
    """Every field filled with something that would break a careless report."""
    near = NearMiss(predicate=NASTY, at="x.yaml:1:1", values={"ProcessCommandLine": NASTY})
    results: list[AtomicResult] = []
    for each in result.results:
        update = {
            "verdict": verdict,
            "reason": NASTY,
            "near_miss": near,
            "executed": each.executed.model_copy(update={"command": NASTY}),
            "alerts": [Alert(row={"ProcessCommandLine": NASTY, "HostMount": True})],
            "flags": {"PrivilegedContainer": Flag(expected=True, actual=False)},
        }
        results.append(each.model_copy(update=update))
    background = result.background.model_copy(update={"alerts": {"rule": [Alert(row={"ProcessCommandLine": NASTY})]}})
    return result.model_copy(
        update={"results": results, "background": background, "summary": {str(verdict): len(results)}}
    )


def printed(result: Result, **options: object) -> str:
    out = io.StringIO()
    print_result(result, Console(file=out, width=80, **options))  # type: ignore[arg-type]
    return out.getvalue()


def test_a_command_of_several_lines_is_shown_as_such_and_bounded(proven: Result) -> None:
    each = proven.results[0]
    command = "docker create \\\n  x\ndocker start x\n"
    silent = with_verdict(proven, Verdict.RULE_SILENT).results[0]

    def ran(command: str) -> list[str]:
        executed = each.executed.model_copy(update={"command": command})
        lines = details(silent.model_copy(update={"executed": executed}))
        first = next(number for number, line in enumerate(lines) if line.startswith("  ran: "))
        return lines[first : next(number for number, line in enumerate(lines) if line.startswith("       pid "))]

    assert ran(command) == ["  ran: docker create \\", "         x", "       docker start x"]
    assert ran("id") == ["  ran: id"]
    many = ran("\n".join(f"command {number}" for number in range(50)))
    assert (len(many), many[-1]) == (13, "       … and 38 more lines")
    near = NearMiss(predicate="p", at="x:1:1", values={"ProcessCommandLine": 'sh -c "a\nb" \u202e'})
    lines = details(silent.model_copy(update={"near_miss": near}))
    assert r'''           ProcessCommandLine = "sh -c \"a\nb\" \u202e"''' in lines


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_table_fits_80_columns_whatever_the_verdict(proven: Result, verdict: Verdict) -> None:
    text = printed(with_verdict(proven, verdict))
    table = text.split("\n\n")[0].splitlines()
    assert all(len(line) <= 80 for line in table)
    assert str(verdict) in table[2]
    assert "\u2026" not in "".join(table)


def test_a_proven_table_reads_well(proven: Result) -> None:
    text = printed(proven)
    assert text.count("PROVEN") == 4
    assert "3 PROVEN · exit 0" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("terminal", [False, True])
def test_telemetry_cannot_reach_the_terminal_raw(proven: Result, terminal: bool) -> None:
    text = printed(with_verdict(proven, Verdict.RULE_SILENT), force_terminal=terminal)
    assert "\x1b[31m[bold]" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert r"\x1b[31m[bold]red[/bold] <script>" in text


def test_junit_is_well_formed_and_counts(proven: Result, tmp_path: Path) -> None:
    write_junit([with_verdict(proven, Verdict.WRONG_FLAGS)], tmp_path / "j.xml")
    suite = ET.parse(tmp_path / "j.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "4", "0")
    write_junit([proven], tmp_path / "k.xml")
    suite = ET.parse(tmp_path / "k.xml").getroot()[0]
    assert suite.get("failures") == "0"
    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert properties["verdict"] == "PROVEN"
    assert int(properties["session"] or 0) > 0


@pytest.mark.parametrize(
    ("verdict", "element"), [(Verdict.INCONCLUSIVE, "error"), (Verdict.SKIPPED, "skipped"), (Verdict.PROVEN, None)]
)
def test_junit_says_what_kind_of_outcome_it_was(
    proven: Result, tmp_path: Path, verdict: Verdict, element: str | None
) -> None:
    write_junit([with_verdict(proven, verdict)], tmp_path / "j.xml")
    case = next(ET.parse(tmp_path / "j.xml").iter("testcase"))
    assert [child.tag for child in case if child.tag != "properties"] == ([element] if element else [])


def test_json_keeps_its_schema_and_round_trips(proven: Result) -> None:
    document = json.loads(to_json([proven]))
    assert document["schema"] == "livefire.result/1"
    assert Result.model_validate(document) == proven
    assert json.loads(SCHEMA_FILE.read_text()) == schema()
    assert isinstance(json.loads(to_json([proven, proven])), list)


@given(st.text())
def test_visible_text_is_one_harmless_line(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown


@given(st.text(st.characters()))
def test_any_text_becomes_visible_text(text: str) -> None:
    element = ET.Element("a", x=visible_text(text))
    ET.fromstring(ET.tostring(element, encoding="unicode"))
