"""What a page holds beside results: mutants, a schedule, history; a page may be of these alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InvalidInput
from harness.files.mutants_file import read_mutants
from harness.files.schedule_file import read_schedule, write_schedule
from harness.model.history import History, Night
from harness.model.mutants import Mutant, Mutants
from harness.model.schedule_result import ScheduleResult
from harness.model.verdict import Verdict
from harness.report.html import Additions, to_html
from harness.report.html.nights_section import curves, nights, rules
from harness.study.nights.nights import night_of
from tests.unit.report.html.parsed import Page
from tests.unit.report.html.samples import RULE, RUN, proven
from tests.unit.report.test_schedule_text import FIVE, atomic
from tests.unit.report.test_schedule_text import result as schedule_result

FIRST = datetime(2026, 11, 1, 2, 17, tzinfo=UTC)
MUTANT = {"operator": "drop-literal", "line": 1, "column": 3, "at": "rules/r.yaml:31:7", "before": "a", "after": ""}
DOCUMENT = {
    "schema": "livefire.mutation/1",
    "rule": "r",
    "cases": 3,
    "score": 0.5,
    "mutants": [MUTANT | {"status": "live"}],
}


def mutants(text: str = '"docker run"') -> Mutants:
    live = Mutant.model_validate(MUTANT | {"before": text, "status": "live", "suggestion": f"an atomic with {text}"})
    killed = Mutant.model_validate(MUTANT | {"status": "killed", "killed_by": [RUN]})
    return Mutants(rule="r", cases=3, score=0.5, mutants=[live, killed, killed])


def night(day: float, verdict: Verdict = Verdict.PROVEN, telemetry: float | None = 0.1, **more: object) -> Night:
    found = {"background": {RULE: 0}, "variants": frozenset[str](), "verdicts": {(RULE, RUN): verdict}, **more}
    return Night(finished=FIRST + timedelta(days=day), telemetry=telemetry, alert=None, **found)  # type: ignore[arg-type]


def test_mutants_are_told_by_operator_and_the_live_ones_one_by_one() -> None:
    page = Page(to_html([], Additions(mutations=[mutants()])))
    assert page.problems == []
    assert "Score 0.50: 2 of 3 mutants that could be killed were, by 3 cases." in page.text
    assert page.table("By operator")[1] == ["drop-literal", "2", "1", "0", "0"]
    row = page.table("Live mutants: 1")[1]
    assert row == ["r.yaml:31:7 drop-literal", '"docker run"(nothing)', 'an atomic with "docker run"']


def test_what_mutate_wrote_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(DOCUMENT))
    assert read_mutants(path).of("live")[0].at == "rules/r.yaml:31:7"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"schema": "livefire.result/1"},
            'not a mutation (livefire.mutation/1): its schema is "livefire.result/1"',
        ),
        ([], "it holds 0 documents instead of one"),
        ({}, "it names no schema"),
        (DOCUMENT | {"score": 2}, "score: "),
        (DOCUMENT | {"mutants": [MUTANT | {"status": "dead"}]}, "mutants.0.status: "),
    ],
)
def test_what_is_no_mutation_result_is_refused(tmp_path: Path, document: object, said: str) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidInput) as caught:
        read_mutants(path)
    assert said in str(caught.value)


def test_history_puts_changed_rows_first_and_folds_quiet_variants() -> None:
    variants = frozenset({"T1/a~f.quiet", "T1/a~f.loud"})
    steady = {(RULE, name): Verdict.PROVEN for name in ("T1/a", "T1/a~f.quiet", "T1/a~f.loud", "T1/b")}
    bad = steady | {(RULE, "T1/a~f.loud"): Verdict.RULE_SILENT, (RULE, "T1/b"): Verdict.NO_TELEMETRY}
    history = History.of([night(0, verdicts=steady, variants=variants), night(1, verdicts=bad, variants=variants)])
    (found,) = rules(history)
    assert [row.atomic for row in found.rows] == ["a~f.loud", "b", "a"]
    assert found.quiet == 1
    assert found.rows[0].cells == [(Verdict.PROVEN, False), (Verdict.RULE_SILENT, True)]
    page = Page(to_html([], Additions(history=history)))
    assert page.problems == []
    assert page.table(RULE)[1] == ["a~f.loud changed", "P PROVEN", "R RULE_SILENT, changed"]


def test_nights_of_one_day_are_told_apart() -> None:
    assert nights(History.of([night(0), night(1)])) == ["01 Nov", "02 Nov"]
    assert nights(History.of([night(0), night(0.5)])) == ["01 Nov 02:17", "01 Nov 14:17"]


def test_the_trend_breaks_where_a_night_was_not_timed() -> None:
    (curve,), top = curves(History.of([night(0), night(1, telemetry=None), night(2, telemetry=0.2)]))
    assert top == 0.2
    assert curve.runs == [[(0.0, 50.0)], [(100.0, 0.0)]]
    assert curves(History.of([night(0, telemetry=None)])) == ([], 1.0)


@given(st.lists(st.none() | st.floats(0, 1e6), min_size=1, max_size=20))
def test_every_point_lies_in_the_picture(values: list[float | None]) -> None:
    found, _ = curves(History.of(night(n, telemetry=value) for n, value in enumerate(values)))
    points = [point for curve in found for run in curve.runs for point in run]
    assert len(points) == sum(value is not None for value in values)
    assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in points)


@given(st.text())
def test_a_mutant_of_any_text_is_shown_as_text(text: str) -> None:
    page = Page(to_html([], Additions(mutations=[mutants(text)])))
    assert page.problems == []
    assert not page.elements("script")
    assert len(page.table("Live mutants: 1")) == 2


def test_a_page_of_results_has_links_to_what_is_added() -> None:
    history = History.of([night_of([proven()])])
    for results in ([], [proven()], [proven(), proven()]):
        page = Page(to_html(results, Additions([mutants()], [late()], history)))
        assert {"#mutation", "#schedule", "#history"} <= {a["href"] for a in page.elements("a")}
        assert {"mutation", "schedule", "history"} <= {a["id"] for _, a in page.tags if "id" in a}


def late(**changes: Any) -> ScheduleResult:
    """Every five minutes, and one of two attacks is not seen by any run."""
    lost = atomic("T1/two", missed=150, missed_by_loss=150, lost=450, **changes)
    return schedule_result(FIVE, atomic(), lost)


def test_a_schedule_tells_when_it_alerts_and_what_is_lost() -> None:
    given = late()
    page = Page(to_html([], Additions(schedules=[given])))
    assert page.problems == []
    head, one, two = page.table("From exec to the first alert")
    assert head[1] == "Draws without an alert"
    assert one == ["one", "0.0 %", "7m 9s", "8m 39s", "8m 49s", "1", "0.0 %"]
    assert (two[0], two[1], two[-1]) == ("two", "75.0 %", "75.0 %")
    assert "1 of 2 atomics without an alert in more than 0.0% of the draws" in page.text
    assert all(weakness.cure in page.text for weakness in given.weaknesses)
    assert given.weaknesses


def test_a_schedule_is_read_as_it_was_written_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    write_schedule(late(), str(path))
    assert read_schedule(path) == late()
    for text, said in (("[]", "it holds 0 documents"), ('{"schema": "livefire.schedule/2"}', "a newer Livefire")):
        path.write_text(text)
        with pytest.raises(InvalidInput, match=said):
            read_schedule(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("draws", "0"),
        ("missed", "-1"),
        ("lost", "1" + "0" * 400),
        ("longest_delay", "NaN"),
        ("first_alert.p50", "1e999"),
    ],
)
def test_a_schedule_of_which_no_share_can_be_told_is_refused(tmp_path: Path, key: str, value: str) -> None:
    path = tmp_path / "s.json"
    write_schedule(late(), str(path))
    document = json.loads(path.read_text())
    *outer, last = key.split(".")
    place = document["atomics"][0]
    for each in outer:
        place = place[each]
    place[last] = "here"
    path.write_text(json.dumps(document).replace('"here"', value))
    with pytest.raises(InvalidInput, match=f"atomics.0.{key}: Input should be"):
        read_schedule(path)
