"""Raw records: each that is cited is there once, with its whole event, bounded, and only from the recording itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.model.observed import Evidence
from harness.model.result import Result
from harness.recording import Recording, layout
from harness.report.html import to_html
from harness.report.html.raw_section import EVENT_LINES, LINE_BYTES, RawRecords, cited, raw_records
from harness.report.html.subject import subjects
from tests.conftest import COMMITTED, Resealed
from tests.unit.report.html.parsed import Page
from tests.unit.report.html.samples import RUN, by_atomic, proven


def records_of(result: Result, folder: Path | None = None) -> RawRecords:
    return raw_records(result, subjects(result, "r1"), "r1", folder)


def citing(*places: str) -> Result:
    """A result whose only atomic cites these places."""
    evidence = [Evidence(record=place, table="Auditd_CL", facts={}) for place in places]
    one = by_atomic(RUN)
    signal = one.signals[0].model_copy(update={"evidence": evidence})
    bare = {"signals": [signal], "alerts": [], "executed": one.executed.model_copy(update={"oracle": []})}
    return proven().model_copy(update={"results": [one.model_copy(update=bare)]})


def edited(resealed: Resealed, name: str, line: int, change: str) -> Recording:
    def edit(lines: list[str]) -> list[str]:
        lines[line - 1] = change
        return lines

    return resealed({name: edit})


def test_every_cited_record_is_there_once_and_links_lead_to_it_and_back() -> None:
    page = Page(to_html([proven()]))
    places = {evidence.record for each in proven().results for evidence in cited(each)}
    anchors = [a["id"] for tag, a in page.tags if tag == "div" and "record" in a.get("class", "").split()]
    assert len(anchors) == len(places) == len(set(anchors))
    targets = {a["href"][1:] for tag, a in page.tags if tag == "a" and a.get("class") == "place"}
    assert targets == set(anchors)


def test_the_text_is_that_of_the_file() -> None:
    place = next(e.record for e in cited(by_atomic(RUN)) if e.record.startswith("raw/docker-events"))
    name, _, line = place.rpartition(":")
    expected = (COMMITTED / name).read_text().splitlines()[int(line) - 1]
    assert expected in Page(to_html([proven()])).text
    assert [each.text for each in records_of(proven()).records[place].lines] == [expected]


def test_an_audit_event_is_shown_whole() -> None:
    place = next(e.record for e in cited(by_atomic(RUN)) if e.record.startswith("raw/auditd"))
    lines = records_of(proven()).records[place].lines
    kinds = [line.text.split()[0] for line in lines]
    assert kinds[0] == "type=SYSCALL"
    assert {"type=EXECVE", "type=CWD", "type=PATH", "type=PROCTITLE"} <= set(kinds)
    assert len({line.text.split()[1] for line in lines}) == 1


def test_arguments_in_hex_are_shown_decoded(resealed: Resealed) -> None:
    text = 'type=EXECVE msg=audit(1.000:7): argc=3 a0="sh" a1="-c" a2={}\n'.format(b"id;\necho <b>".hex().upper())
    recording = edited(resealed, layout.AUDIT_LOG, 2, text)
    record = records_of(citing("raw/auditd.log:2"), recording.path).records["raw/auditd.log:2"]
    assert record.decoded == [("a2", "id;\necho <b>")]
    html = to_html([citing("raw/auditd.log:2")], recording=recording.path)
    assert '<code class="lines">id;\necho &lt;b&gt;</code>' in html


def test_a_long_line_is_cut_between_characters_and_says_so(resealed: Resealed) -> None:
    text = "x" * (LINE_BYTES - 1) + "é" * 50  # the cut would fall into the first é
    recording = edited(resealed, layout.DAEMON_LOG, 1, text + "\n")
    line = records_of(citing("raw/docker-daemon.log:1"), recording.path).records["raw/docker-daemon.log:1"].lines[0]
    assert line.text == "x" * (LINE_BYTES - 1)
    assert line.cut == 100
    assert "… 100 bytes cut" in Page(to_html([citing("raw/docker-daemon.log:1")], recording=recording.path)).text


def test_an_endless_event_is_cut_too(resealed: Resealed) -> None:
    many = "".join(f'type=PATH msg=audit(1.000:7): item={n} name="/{n}"\n' for n in range(EVENT_LINES + 3))
    recording = edited(resealed, layout.AUDIT_LOG, 2, many)
    record = records_of(citing("raw/auditd.log:2"), recording.path).records["raw/auditd.log:2"]
    assert (len(record.lines), record.more) == (EVENT_LINES, 3)


@pytest.mark.parametrize(
    "place",
    [
        "manifest.json:1",
        "raw/../seal:1",
        "raw/none.log:1",
        "raw/auditd.log:0",
        "raw/auditd.log:99999999",
        "raw/auditd.log",
    ],
)
def test_what_is_no_line_of_a_raw_file_is_not_shown(place: str) -> None:
    assert records_of(citing(place)).records == {}
    assert "(raw record not available)" in Page(to_html([citing(place)])).text


def test_a_recording_that_is_gone_changed_or_of_another_run_is_said_to_be(tmp_path: Path) -> None:
    gone = proven().model_copy(update={"recording": str(tmp_path / "gone")})
    assert f"there is no intact recording at {tmp_path}/gone" in Page(to_html([gone])).text
    copy = tmp_path / "copy"
    shutil.copytree(COMMITTED, copy)
    assert records_of(gone, copy).records.keys() == records_of(proven()).records.keys()
    with (copy / layout.DAEMON_LOG).open("a") as log:
        log.write("x")
    assert "no intact recording" in records_of(gone, copy).missing
    other = proven().model_copy(update={"run_id": "run-0"})
    assert "another run" in records_of(other).missing


def test_the_manifest_is_named_by_its_digest() -> None:
    digest = layout.digest(COMMITTED / layout.MANIFEST)
    assert f"begins with {digest[:12]} and is in the file seal" in Page(to_html([proven()])).text
