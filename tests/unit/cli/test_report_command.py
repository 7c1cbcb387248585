"""`livefire report` and `livefire history --html`: a page from what was written before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.errors import InvalidInput
from harness.files.result_file import read_results, to_json, write_json
from harness.files.schedule_file import write_schedule
from tests.conftest import COMMITTED
from tests.unit.cli.test_commands import livefire
from tests.unit.report.html.parsed import Page
from tests.unit.report.html.samples import RUN, proven
from tests.unit.report.html.test_additions import DOCUMENT, late


def page_of(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_one_page_from_results_mutants_and_history(tmp_path: Path) -> None:
    nights = tmp_path / "nights"
    nights.mkdir()
    write_json([proven()], str(nights / "one.json"))
    (tmp_path / "m.json").write_text(json.dumps(DOCUMENT))
    write_schedule(late(), str(tmp_path / "s.json"))
    html = tmp_path / "page.html"
    done = livefire(
        *("report", nights / "one.json", "--mutants", tmp_path / "m.json"),
        *("--schedule", tmp_path / "s.json", "--history", nights, "--html", html),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    page = page_of(html)
    assert {"r1-atomics", "r1-raw", "mutation", "schedule", "history"} <= {a["id"] for _, a in page.tags if "id" in a}


def test_a_moved_recording_is_named(tmp_path: Path) -> None:
    write_json([proven().model_copy(update={"recording": "gone"})], str(tmp_path / "r.json"))
    html = tmp_path / "page.html"
    assert livefire("report", tmp_path / "r.json", "--html", html).returncode == 0
    assert "there is no intact recording at gone" in page_of(html).text
    shutil.copytree(COMMITTED, tmp_path / "moved")
    done = livefire("report", tmp_path / "r.json", "--html", html, "--recording", tmp_path / "moved")
    assert done.returncode == 0, done.stderr
    assert "no intact recording" not in page_of(html).text


def test_mistakes_are_said_in_one_sentence(tmp_path: Path) -> None:
    html = tmp_path / "page.html"
    write_json([proven()], str(tmp_path / "r.json"))
    cases = {
        ("--html", html): "error: there is nothing to report\n",
        (
            "--html",
            html,
            "--mutants",
            tmp_path / "r.json",
        ): "not a mutation (livefire.mutation/1): its schema is",
        (tmp_path / "r.json", "--html", tmp_path / "no/page.html"): "is not a writable folder",
        (tmp_path / "r.json", "--html", html, "--recording", tmp_path): "not a recording: there is no manifest.json",
        ("--html", html, "--history", tmp_path / "none"): "there is no such folder",
    }
    for arguments, said in cases.items():
        done = livefire("report", *arguments)
        assert done.returncode == 2, arguments
        assert said in done.stderr
    assert not html.exists()


def test_history_writes_a_page_beside_the_terminal(tmp_path: Path) -> None:
    nights = tmp_path / "nights"
    nights.mkdir()
    write_json([proven()], str(nights / "one.json"))
    done = livefire("history", nights, "--html", tmp_path / "h.html")
    assert done.returncode == 0, done.stderr
    assert "docker-container-execution" in done.stdout
    page = page_of(tmp_path / "h.html")
    assert page.problems == []
    assert page.table("container-cli-api")[1] == [RUN.partition("/")[2], "P PROVEN"]


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("0001-01-01T00:00:00", ""),
        ("2026-01-02T03:04:05", ""),
        ("0001-01-01T00:00:00+14:00", "it is outside of the years 1 to 9999 in UTC"),
        ("9999-12-31T23:59:59-14:00", "it is outside of the years 1 to 9999 in UTC"),
    ],
)
@pytest.mark.parametrize("place", ["finished", "detonated"])
def test_a_time_without_a_zone_is_of_utc_and_one_that_no_calendar_has_is_refused(
    tmp_path: Path, place: str, time: str, said: str
) -> None:
    written = json.loads(to_json([proven()]))
    (written if place == "finished" else written["results"][0]["latency"])[place] = time
    nights = tmp_path / "nights"
    nights.mkdir()
    (nights / "one.json").write_text(json.dumps(written))
    done = livefire("report", nights / "one.json", "--history", nights, "--html", tmp_path / "page.html")
    assert done.returncode == (2 if said else 0), done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "1e999"])
@pytest.mark.parametrize("latency", ['{"sensors": {"auditd": %s}}', '{"telemetry": %s}', '{"alert": %s}'])
def test_a_latency_that_is_no_number_is_refused(tmp_path: Path, seconds: str, latency: str) -> None:
    written = json.loads(to_json([proven()]))
    written["results"][0]["latency"] = "here"
    text = json.dumps(written).replace('"here"', latency % seconds)
    (tmp_path / "one.json").write_text(text)
    with pytest.raises(InvalidInput, match="Input should be a finite number"):
        read_results(tmp_path / "one.json")
