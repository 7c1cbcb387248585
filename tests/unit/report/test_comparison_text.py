"""The comparison as it is shown: 80 columns, JSON, Markdown; and results read from files."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from harness.errors import InvalidInput
from harness.files.expectation_file import load_expectations
from harness.files.result_file import read_results, write_json
from harness.judge.prove import prove
from harness.model.comparison import Cause, Comparison, Difference, Kind, RuleChange, by_kind
from harness.model.result import Result
from harness.recording import open_recording
from harness.report.comparison_text import print_diff, to_markdown
from tests.conftest import COMMITTED, EXPECTATIONS

LONG = "T1059.013/docker-privileged-container-creation~resource-spelling.namespace-first-and-then-some"


def difference(atomic: str, kind: Kind = "regression", **more: Any) -> Difference:
    values = {
        "rule": "r",
        "before": "PROVEN",
        "after": "RULE_SILENT",
        "cause": Cause.RULE,
        "detail": "r: a -> b",
    } | more
    return Difference(kind=kind, atomic=atomic, **values)


def compared(*differences: Difference) -> Comparison:
    return Comparison(old=("old",), new=("new",), inputs={Cause.RULE: "r: a -> b"}, **by_kind(differences))


def printed(comparison: Comparison) -> str:
    out = io.StringIO()
    print_diff(comparison, Console(file=out, width=200, highlight=False))
    return out.getvalue()


def test_it_is_grouped_by_cause_the_worst_first_and_fits() -> None:
    text = printed(
        compared(
            difference("T1/flaky", cause=Cause.FLAKE, detail="nothing that is known has changed"),
            difference("T1/better", "improvement"),
            difference(LONG, reason="word " * 40),
        )
    )
    lines = text.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0] == "Rule changed: r: a -> b"
    order = [lines.index("Rule changed"), text.index("REGRESSION"), text.index("IMPROVEMENT"), text.index("Flake\n")]
    assert order[1:] == sorted(order[1:])
    assert "\x1b" not in text
    assert lines[-1] == "2 regressions · 1 improvement · 0 changes · exit 1"


def test_variants_that_went_the_same_way_are_one_line() -> None:
    names = ["a", "b", "c", "d"]
    comparison = compared(*(difference(f"T1/x~wrappers.{name}") for name in names), difference("T1/x"))
    text = printed(comparison)
    assert " ".join(text.split()).count("T1/x: 4 variants (wrappers.a, wrappers.b, wrappers.c, …)") == 1
    assert text.count("REGRESSION") == 2
    assert "5 regressions" in text
    assert len(comparison.regressions) == 5


def test_what_is_new_is_told_together() -> None:
    new = [difference(f"T1/{name}", "change", before="", cause=Cause.NEW, reason="no news") for name in "abcd"]
    text = " ".join(printed(compared(*new)).split())
    assert "4 atomics (T1/a, T1/b, T1/c, …) r: - -> RULE_SILENT" in text
    assert "no news" not in text


def test_the_lines_of_a_rule_that_changed_are_shown_and_bounded() -> None:
    lines = ("@@ -1,2 +1,2 @@", "   let x", f"-{'word, ' * 30}", *(f"+line {number}" for number in range(90)))
    change = RuleChange(rule="r", versions=("1.0.0", "1.1.0"), lines=lines)
    comparison = compared(difference("T1/x")).model_copy(update={"rules": (change,)})
    shown = printed(comparison).splitlines()
    assert shown[:4] == ["Rule changed: r: a -> b", "  r, version 1.0.0 -> 1.1.0", "  @@ -1,2 +1,2 @@", "     let x"]
    assert max(map(len, shown)) <= 80
    assert "  … and 53 more lines" in shown
    page = to_markdown(comparison)
    assert "```diff\n@@ -1,2 +1,2 @@\n" in page


def test_no_line_of_a_rule_ends_the_block_that_it_stands_in() -> None:
    change = RuleChange(rule="r", versions=("1.0.0", "1.0.0"), lines=("-```", "+````"))
    comparison = compared().model_copy(update={"rules": (change,)})
    assert "`````diff\n-```\n+````\n`````\n" in to_markdown(comparison)
    assert "  r, version 1.0.0 on both sides" in printed(comparison)


def test_a_rule_without_its_text_and_one_that_was_not_judged_are_said() -> None:
    change = RuleChange(rule="r", versions=("", "1.0.0"), lines=(), untold="old")
    comparison = compared().model_copy(update={"rules": (change,), "unjudged": {"x": "new", "y": "old"}})
    for text in (printed(comparison), to_markdown(comparison)):
        assert "r: lines unknown, since the old result holds no text of the rule, or several" in text
        assert "Not judged in NEW: rule x" in text
        assert "Not judged in OLD: rule y" in text


def test_nothing_changed_is_one_line() -> None:
    empty = Comparison(old=("a",), new=("b",), inputs={})
    assert printed(empty) == "0 regressions · 0 improvements · 0 changes · exit 0\n"


@given(st.text(max_size=60))
def test_no_text_breaks_out_of_its_cell(text: str) -> None:
    page = to_markdown(compared(difference("T1/x", reason=text)))
    row = next(line for line in page.split("\n") if line.startswith("| regression"))
    unescaped = row.replace("\\\\", "").replace("\\|", "")
    assert unescaped.count("|") == 7
    assert "<" not in row
    assert "`" not in unescaped.replace("\\`", "")


@pytest.fixture(scope="module")
def result() -> Result:
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))


def test_results_are_read_as_they_were_written(result: Result, tmp_path: Path) -> None:
    for number in (1, 2):
        write_json([result] * number, str(tmp_path / "r.json"))
        assert read_results(tmp_path / "r.json") == [result] * number


def test_a_result_of_before_there_were_digests_can_be_read(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_json([result], str(path))
    older = json.loads(path.read_text())
    for each in older["results"]:
        del each["inputs"]
    del older["rules"]
    path.write_text(json.dumps(older))
    assert {each.inputs.rule for each in read_results(path)[0].results} == {""}
    assert {len(each.inputs.rule) for each in result.results} == {64}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", ":1:2: not valid JSON: Expecting property name"),
        (b"\xff", ": cannot be read: not UTF-8"),
        (b"[" * 100_000, ": not valid JSON: "),
        (b"[]", ": it holds no result"),
        (b"3", ": not a result (livefire.result/1): it names no schema"),
        (b'[{"schema": "livefire.diff/1"}]', ': not a result (livefire.result/1): its schema is "livefire.diff/1"'),
        (b'{"schema": "livefire.result/1"}', ": not a livefire.result/1: run_id: Field required"),
    ],
)
def test_what_is_no_result_is_said_with_its_file(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as raised:
        read_results(path)
    assert str(raised.value).startswith(f"{path}{message}")
