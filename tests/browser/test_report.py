"""The HTML report in a real browser: it stands alone, reads well in both themes and at any width, and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.history import History
from harness.model.mutants import Mutant, Mutants
from harness.model.result import Result
from harness.recording import open_recording
from harness.report.html import Additions, to_html
from harness.study.nights.nights import night_of
from tests.browser.conftest import Open, Opened
from tests.conftest import COMMITTED, main_job_rule
from tests.unit.report.html.samples import everything, proven
from tests.unit.report.html.test_additions import late
from tests.unit.report.html.test_page import NASTY, poisoned

pytestmark = pytest.mark.timeout(120)

_THEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
_FOCUSED = """() => {
    const e = document.activeElement, s = getComputedStyle(e);
    return [e.tagName, e.textContent.trim().slice(0, 40), s.outlineStyle, parseFloat(s.outlineWidth)];
}"""


def broken(folder: Path) -> Result:
    """What the committed recording gives under our rule without `docker run`."""
    expectations = main_job_rule(folder)
    rule = folder / "container-cli-api.yaml"
    rule.write_text(rule.read_text().replace(' "docker run",', ""))
    return prove(open_recording(COMMITTED), load_expectations(expectations))


def additions(result: Result) -> Additions:
    """Mutants, and some nights of which one differs."""
    parts = {"operator": "drop-literal", "line": 1, "column": 3, "at": "rules/r.yaml:31:7"}
    mutants = [
        Mutant(**parts, before='"docker run",\n"docker ps"', after="", status="live", suggestion="an atomic"),
        Mutant(**parts, before="x", after="y", status="killed", killed_by=["a"]),
        Mutant(**parts, before="x", after="z", status="invalid"),
    ]
    nights = [night_of([proven() if day == 2 else result], result.finished + timedelta(days=day)) for day in range(4)]
    return Additions([Mutants(rule="r", cases=3, score=0.5, mutants=mutants)], [late()], History.of(nights))


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all that a page can hold: a rule that fails, variants, benign runs, mutants, schedule, history."""
    folder = tmp_path_factory.mktemp("report")
    result, rest = broken(folder), everything()
    # one of each kind: axe-core takes its time for each element
    kinds = (
        "engineers-hour",
        "nerdctl-run",
        "wrappers.symlink",
        "without-cli.curl-with-a-token",
        "without-cli.python-client",
    )
    others = [each for each in rest.results if each.atomic.endswith(kinds)]
    whole = rest.model_copy(update={"results": [*result.results, *others]})
    path = folder / "report.html"
    path.write_text(to_html([whole], additions(result)), encoding="utf-8")
    return path


def test_it_asks_for_nothing_and_complains_of_nothing(report: Path, open_page: Open) -> None:
    opened = open_page(report)
    assert opened.requests == [report.absolute().as_uri()]
    assert opened.said == []


def test_without_script_it_is_the_same(report: Path, open_page: Open) -> None:
    with_script, without = open_page(report), open_page(report, script=False)
    assert without.page.screenshot() == with_script.page.screenshot()
    link = without.page.locator("ul.failings a").first
    link.click()
    assert without.page.get_by_text("rejected by:").first.is_visible()


@_THEMES
def test_the_theme_follows_the_reader(report: Path, open_page: Open, dark: bool) -> None:
    body = open_page(report, dark=dark).measure("getComputedStyle(document.body).backgroundColor")
    assert body == ("rgb(21, 24, 27)" if dark else "rgb(255, 255, 255)")


def test_what_telemetry_says_makes_no_element_and_runs_nothing(open_page: Open, tmp_path: Path) -> None:
    pages = {}
    for name, text in (("nasty", NASTY), ("plain", "plain")):
        path = tmp_path / f"{name}.html"
        path.write_bytes(to_html([poisoned(proven(), text)]).encode("utf-8", "backslashreplace"))
        pages[name] = open_page(path)
    nasty = pages["nasty"].page
    assert nasty.title() == pages["plain"].page.title()
    assert nasty.locator("script, img, [onfocus], [onmouseover]").count() == 0
    elements = "[...document.querySelectorAll('*')].map(e => e.tagName)"
    assert pages["nasty"].measure(elements) == pages["plain"].measure(elements)
    assert pages["nasty"].requests == [(tmp_path / "nasty.html").as_uri()]
    assert pages["nasty"].said == []


@_THEMES
def test_no_rule_of_accessibility_is_violated(report: Path, open_page: Open, dark: bool) -> None:
    opened = open_page(report, dark=dark)
    opened.measure("document.querySelectorAll('details').forEach(d => d.open = true)")
    # the other rules look at the document, which is the same in both
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if dark:
        options["runOnly"] = ["color-contrast", "link-in-text-block"]
    found = Axe().run(opened.page, options=options).response["violations"]
    assert {each["id"]: [node["html"] for node in each["nodes"]][:3] for each in found} == {}


@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_does_not_scroll_sideways(report: Path, open_page: Open, width: int) -> None:
    opened = open_page(report, width=width)
    opened.measure("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert opened.measure("document.documentElement.scrollWidth") <= width


def test_on_a_phone_the_verdicts_and_flags_are_not_cut_off(report: Path, open_page: Open) -> None:
    page = open_page(report, width=360).page
    for name in ("judgements", "stacked"):
        cut = "all => all.filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth).map(e => e.outerHTML)"
        assert page.locator(f".scroll:has(> .{name})").count() > 0
        assert page.locator(f".scroll:has(> .{name})").evaluate_all(cut) == []
    verdict = page.locator("table.judgements td.judged").first
    assert verdict.is_visible()
    assert "RULE_SILENT" in verdict.inner_text()
    assert not page.locator("table.judgements th", has_text="Executed").first.is_visible()


def test_headings_do_not_skip_a_level(report: Path, open_page: Open) -> None:
    levels = open_page(report).measure("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_keyboard_reaches_everything_and_is_seen(report: Path, open_page: Open) -> None:
    opened = open_page(report)
    wanted = opened.measure(
        "[...document.querySelectorAll('a[href],summary,[tabindex=\"0\"]')].filter(e => e.checkVisibility()).length"
    )
    stops = list(_stops(opened))
    assert stops[0][:2] == ("A", "Skip to the content")
    assert len(stops) == wanted
    assert [stop for stop in stops if stop[2] == "none" or stop[3] < 1] == []


def _stops(opened: Opened) -> Iterator[tuple[str, str, str, float]]:
    """Where Tab stops, until it has been through the page: tag, text, and the outline that shows it."""
    for _ in range(3000):
        opened.page.keyboard.press("Tab")
        tag, text, style, width = opened.measure(_FOCUSED)
        if tag == "BODY":
            return
        yield tag, text, style, width


def test_enter_opens_what_is_folded(report: Path, open_page: Open) -> None:
    page = open_page(report).page
    subject = page.locator("details.subject").first
    subject.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert subject.get_attribute("open") is not None


def test_the_skip_link_leads_to_the_content(report: Path, open_page: Open) -> None:
    page = open_page(report).page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_from_the_summary_to_the_broken_layer_to_the_raw_record_and_back(report: Path, open_page: Open) -> None:
    page = open_page(report).page
    page.locator("ul.failings a").first.click()
    cause = page.locator(".all:target")
    step = cause.locator(".chain .broken")
    assert step.is_visible()
    assert "container-cli-api" in step.inner_text()
    assert "failed here" in step.inner_text()
    assert (
        cause.locator("pre.rule mark")
        .last.inner_text()
        .endswith("| where ProcessCommandLine has_any (SuspiciousCommands)")
    )
    cause.locator("a.place", has_text="raw/auditd.log").first.click()
    record = page.locator(".record:target")
    assert record.is_visible()
    assert 'a1="run"' in record.inner_text()
    record.get_by_role("link", name="docker-container-execution", exact=True).click()
    assert page.locator(".all:target").is_visible()
    assert page.locator("details.subject[open]").count() == 1


@_THEMES
@pytest.mark.parametrize("width", [1280, 360])
def test_screenshots_for_a_person(report: Path, open_page: Open, shots: Path, dark: bool, width: int) -> None:
    opened = open_page(report, dark=dark, width=width)
    name = f"{'dark' if dark else 'light'}-{width}"
    for place in ("r1", "r1-u1", "r1-timeline", "r1-evasions", "mutation", "history"):
        opened.measure(f"location.hash = '{place}'")
        path = shots / f"{name}-{place}.png"
        opened.page.screenshot(path=path)
        assert path.stat().st_size > 10_000  # an empty page of this size has 3 kB
