"""Markdown for a job's summary: a reader sees what was meant, whatever telemetry holds, and it is not too long."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.atomic_result import Alert, AtomicResult
from harness.model.result import Background, Result
from harness.model.verdict import ExitCode, Verdict
from harness.recording import open_recording
from harness.report.markdown import LIMIT, escaped, to_markdown, within, write_markdown
from harness.text import visible
from tests.conftest import COMMITTED, EXPECTATIONS

READER = MarkdownIt("commonmark").enable("table")


class Page(HTMLParser):
    """What a reader makes of a page: its tags, and the text of its cells and preformatted blocks."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self._inside = False
        self.feed(READER.render(markdown))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag in ("td", "pre", "summary"):
            self.cells.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "pre", "summary")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells[-1] += data


@pytest.fixture(scope="module")
def proven() -> Result:
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))


def unmet(result: Result, text: str, count: int = 1) -> Result:
    """`count` atomics that are not as expected, and an alert in the background, with a text in each place."""
    base = result.results[0]
    ran = base.executed.model_copy(update={"command": text})
    changed: list[AtomicResult] = [
        base.model_copy(update={"verdict": Verdict.RULE_SILENT, "reason": text, "executed": ran}) for _ in range(count)
    ]
    background = Background(alerts={base.rule: [Alert(row={"ProcessCommandLine": text})]})
    summary = {"RULE_SILENT": count}
    update = {"results": changed, "background": background, "summary": summary, "exit_code": ExitCode.UNMET}
    return result.model_copy(update=update)


def test_what_is_proven_is_one_table(proven: Result, tmp_path: Path) -> None:
    write_markdown([proven], tmp_path / "s.md")
    page = (tmp_path / "s.md").read_text(encoding="utf-8")
    assert page.startswith("## Livefire: docker-and-control-plane\n")
    assert "**3 PROVEN · exit 0**" in page
    found = Page(page)
    assert found.tags.count("table") == 1
    assert found.cells == ["container-cli-api", "3", "0"]


def test_what_is_unmet_has_its_reason_its_place_and_its_evidence(proven: Result) -> None:
    page = to_markdown([unmet(proven, "no row passed")])
    base = proven.results[0]
    found = Page(page)
    assert found.cells[3:8] == ["RULE_SILENT", base.atomic, base.rule, "no row passed", base.at]
    assert found.cells[8] == f"RULE_SILENT {base.atomic} [{base.rule}]"
    assert f"expected at {base.at}" in found.cells[9]
    assert "1 alert of container-cli-api in the background" in found.cells[10]
    assert "exit 1**" in page
    assert "1 UNEXPECTED\\_ALERT in the background" in page


def test_what_was_skipped_is_told_once_for_all_rules(proven: Result) -> None:
    base = proven.results[0].model_copy(update={"verdict": Verdict.SKIPPED, "reason": "no crictl"})
    page = to_markdown([proven.model_copy(update={"results": [base, base.model_copy(update={"rule": "b"})]})])
    assert f"- 1 skipped: no crictl: {base.atomic}" in page
    assert "Not as expected" not in page


@given(st.text(st.characters(exclude_categories=[])) | st.text("`*_[]()<>|&!#\\\n\t~-+=@:/.whtps1", max_size=80))
def test_no_text_changes_what_a_reader_makes_of_the_page(proven: Result, text: str) -> None:
    assert Page(to_markdown([unmet(proven, text)])).tags == Page(to_markdown([unmet(proven, "plain")])).tags


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=200))
def test_a_reader_sees_the_text_as_it_is(text: str) -> None:
    (shown,) = Page(f"| a |\n|---|\n| {escaped(text)} |\n").cells
    assert shown == visible(text)


def test_no_address_and_no_mention_is_made_of_plain_text() -> None:
    assert escaped("HTTPS://a.b www.c.d me@e.f") == "HTTPS\\://a.b www\\.c.d me\\@e.f"


def test_many_long_results_stay_below_the_limit_and_what_is_left_out_is_counted(proven: Result) -> None:
    page = to_markdown([unmet(proven, "<é>" * 2000, count=3000)])
    assert LIMIT // 2 < len(page.encode()) <= LIMIT
    left_out = re.search(r"… and (\d+) more lines, left out", page)
    assert left_out is not None
    assert int(left_out[1]) > 1000
    assert page.count("<pre>") == page.count("</pre>")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30)), st.integers(300, 600))
def test_blocks_are_whole_and_in_order(blocks: list[str], limit: int) -> None:
    page = within(limit, blocks)
    assert len(page.encode()) <= limit
    kept = page.partition("\n\n… and ")[0] if "more lines, left out" in page else page
    assert "\n".join(blocks).startswith(kept)
