"""The HTML page: it holds everything, stands alone, reads well in both themes, and telemetry cannot break out of it."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.atomic_result import Alert, Latency, NearMiss
from harness.model.observed import Evidence, SignalResult
from harness.model.result import Ambiguous, Result
from harness.model.verdict import MEANINGS, ExitCode, Verdict
from harness.report.html import to_html, write_html
from tests.unit.report.html.parsed import Page
from tests.unit.report.html.samples import HARDENED, PRIVILEGED, RULE, RUN, SECRETS, everything, proven

NASTY = (
    "sh -c \"<script>document.title='owned'</script>\x1b[31m\u202e\x00 &amp; ' -->"
    "<img src=x onerror=document.title=1>\n"
    "</pre></style></title></svg>]]>&quot; onmouseover=&#34;x\" autofocus onfocus=document.title=1 '"
)


@pytest.fixture(scope="module")
def full() -> Page:
    return Page(to_html([everything()]))


def poisoned(result: Result, text: str) -> Result:
    """The result with `text` wherever telemetry or an atomic has a say."""
    evidence = Evidence(record=text, table=text, facts={text: text, "ProcessCommandLine": text})
    signal = SignalResult(name=text, sensor="auditd", seen=True, evidence=[evidence])
    results = []
    for each in result.results:
        update: dict[str, object] = {
            "name": text,
            "reason": text,
            "executed": each.executed.model_copy(update={"command": text, "oracle": [signal]}),
            "signals": [signal],
            "alerts": [Alert(row={"ProcessCommandLine": text, text: text}, evidence=[evidence])],
            "near_miss": NearMiss(predicate=text, at=text, values={text: text}, evidence=evidence),
        }
        if each.variant:
            update["variant"] = each.variant.model_copy(update={"differences": [text], "name": text})
        results.append(each.model_copy(update=update))
    background = result.background.model_copy(update={"alerts": {RULE: [Alert(row={"ProcessCommandLine": text})]}})
    return result.model_copy(update={"results": results, "background": background})


@cache
def _tags_of_plain_text() -> list[str]:
    return [tag for tag, _ in Page(to_html([poisoned(proven(), "plain")])).tags]


def test_what_telemetry_says_is_shown_as_text() -> None:
    html = to_html([poisoned(everything(), NASTY)])
    page = Page(html)
    assert not set("\x1b\u202e\x00") & set(html)
    assert r"""sh -c "<script>document.title='owned'</script>\x1b[31m\u202e\x00 &amp;""" in page.text
    assert """</pre></style></title></svg>]]>&quot; onmouseover=&#34;x" autofocus""" in page.text
    assert not page.elements("script")
    assert not page.elements("img")
    assert len(page.elements("style")) == 1
    assert page.problems == []


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1))
def test_no_text_breaks_the_page(text: str) -> None:
    page = Page(to_html([poisoned(proven(), text)]))
    assert page.problems == []
    assert [tag for tag, _ in page.tags] == _tags_of_plain_text()


def test_what_is_ambiguous_is_shown_and_only_where_there_is_some() -> None:
    assert "Ambiguous" not in Page(to_html([proven()])).text
    unclear = Ambiguous(rows={"Auditd_CL": 3}, alerts={RULE: [Alert(row={"ProcessCommandLine": NASTY})]})
    page = Page(to_html([proven().model_copy(update={"ambiguous": unclear})]))
    assert "be attributed" in page.text
    assert "Ambiguous rows by table" in page.text
    assert "document.title='owned'" in page.text
    assert page.problems == []


def test_half_a_surrogate_pair_can_be_written(tmp_path: Path) -> None:
    write_html([poisoned(proven(), "docker \udc80")], tmp_path / "r.html")
    assert r"docker \udc80" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("result", [proven(), everything()], ids=["proven", "everything"])
def test_the_page_stands_alone(result: Result) -> None:
    html = to_html([result])
    page = Page(html)
    assert page.problems == []
    assert not {"script", "link", "img", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not {"src", "srcset", "data", "action", "xlink:href"} & attributes.keys(), tag
        assert not [name for name in attributes if name.startswith("on")], tag
        assert attributes.get("href", "#").startswith("#")
    assert not re.search(r"url\(|@import", html)
    policy = [a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_links_lead_somewhere_and_anchors_are_unique() -> None:
    page = Page(to_html([proven(), everything()]))
    anchors = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    links = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
    assert links <= set(anchors)


@pytest.mark.parametrize("results", [[proven()], [everything()], [proven(), everything()]], ids=["1", "full", "2"])
def test_headings_are_in_order_and_tables_have_captions_and_scopes(results: list[Result]) -> None:
    page = Page(to_html(results))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.elements("caption")) == len(page.elements("table"))
    assert all("scope" in attributes for attributes in page.elements("th"))


def test_every_atomic_is_there_with_its_verdict(full: Page) -> None:
    for each in everything().results:
        assert each.atomic in full.text
    table = full.table("Seen: signals found / required. Flags: right / expected.")
    assert ["docker-container-execution", "yes", RULE, "3/3", "1 row", "4/4", "PROVEN"] in table
    assert [HARDENED, "3/3", "1 row", "4/4", "PROVEN"] in table
    assert ["nerdctl-run", "-", RULE, "-", "-", "-", "SKIPPED nerdctl is not installed"] in table


def test_evidence_names_the_record(full: Page) -> None:
    assert "raw/auditd.log:802" in full.text
    assert "system:serviceaccount:livefire:run-560220-atomic-2" in full.text


def test_the_summary_comes_first_and_says_it_all(full: Page) -> None:
    lead = full.text.partition("Rules")[0]
    assert "Not as expected exit 1 · " in lead
    assert "13 KNOWN_GAP" in lead
    rows = full.table("Each rule in one line")
    assert [rows[1][0], *rows[1][2:]] == [RULE, "53 % 9/17", "71 % 5/7", "0.2 4/1614", "0"]


def test_what_is_not_as_expected_is_explained_before_the_rest(full: Page) -> None:
    before = full.text.partition("Seen: signals found / required")[0]
    assert "rejected by: ProcessCommandLine has_any (SuspiciousCommands)" in before
    assert before.index("podman-run") < before.index("engineers-hour") < before.index("wrappers.env")
    assert before.index("wrappers.env") < before.index("without-cli.python-client")
    assert f"under {RULE}, {HARDENED}" in before
    assert "nerdctl is not installed" in before


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (ExitCode.AS_EXPECTED, "As expected exit 0"),
        (ExitCode.INCONCLUSIVE, "Inconclusive exit 4"),
        (ExitCode.LAB_UNAVAILABLE, "Nothing was judged exit 3"),
    ],
)
def test_the_outcome_is_said_in_words(code: ExitCode, words: str) -> None:
    assert words in Page(to_html([proven().model_copy(update={"exit_code": code})])).text


def test_flags_are_shown_beside_what_was_expected() -> None:
    wrong = []
    for each in proven().results:
        flag = each.flags["PrivilegedContainer"]
        grounds = {"--privileged": True, "--net=host": False} if each.atomic == PRIVILEGED else {}
        flipped = flag.model_copy(update={"actual": not flag.expected if each.atomic == RUN else flag.actual})
        flags = each.flags | {"PrivilegedContainer": flipped.model_copy(update={"grounds": grounds})}
        silent = {"fired": each.fired.model_copy(update={"actual": False})} if each.atomic == SECRETS else {}
        wrong.append(each.model_copy(update={"flags": flags, "verdict": Verdict.WRONG_FLAGS, **silent}))
    table = Page(to_html([proven().model_copy(update={"results": wrong})])).table(RULE)
    assert table[1][:2] == ["docker-container-execution", "true, expected false"]
    assert table[2][:2] == [
        "docker-privileged-container-creation",
        "true, but not by '--net=host' alone --privileged yes --net=host no",
    ]
    assert table[3] == ["kubectl-secrets-enumeration", "no alert", "no alert", "no alert", "no alert, expected true"]


def test_benign_runs_precision_and_tuning(full: Page) -> None:
    text = full.text
    assert "pipeline 214 3 1.4 PrivilegedContainer 1" in text
    assert "all 1614 4 0.2 PrivilegedContainer 1" in text
    assert "HostMount 9 6 60 %" in text
    assert "ContainerExec 0 0 -" in text
    assert "as it is 48 8 83 % - 40/50 80 % -" in text
    assert 'InitiatingProcessFileName == "gitlab-runner" 42 3 93 % +9.5 39/50 78 % -2.0' in text


def test_sections_without_data_are_left_out() -> None:
    text = Page(to_html([proven()])).text
    for title in ("Not as expected", "Evasions", "Recall", "False alarms", "Tuning", "Benign runs"):
        assert title not in text


def test_several_recordings_begin_with_an_overview() -> None:
    page = Page(to_html([proven(), everything()]))
    assert [row[1] for row in page.table("Recordings")[1:]] == ["As expected exit 0", "Not as expected exit 1"]


def test_the_summary_says_what_was_judged_and_when_it_ran_and_what_the_verdicts_mean() -> None:
    page = Page(to_html([proven()]))
    lead = page.text.partition("Seen: signals found")[0]
    times = sorted(each.latency.detonated for each in proven().results if each.latency.detonated)
    assert f"detonated {times[0]:%Y-%m-%d %H:%M:%S} to {times[-1]:%H:%M:%S} UTC, judged" in lead
    assert f"Rule: {RULE}." in lead
    for verdict in Verdict:
        assert f"{verdict} {MEANINGS[verdict]}" in lead
    assert {"#r1-flags", "#r1-timeline"} <= {attributes["href"] for attributes in page.elements("a")}


def test_one_rule_is_not_listed_again_unless_there_is_more_to_say() -> None:
    assert "Each rule in one line" not in to_html([proven()])
    first = [each for each in everything().results if each.rule == RULE]
    assert "Each rule in one line" in to_html([everything().model_copy(update={"results": first})])


def test_that_there_is_no_timeline_is_said() -> None:
    bare = [each.model_copy(update={"latency": Latency()}) for each in proven().results]
    text = Page(to_html([proven().model_copy(update={"results": bare})])).text
    assert "Timeline There is none: the recording does not say when the signals arrived." in text
    assert "detonated" not in text.partition("Atomics")[0]
    assert "There is none" not in Page(to_html([proven()])).text
