"""Nights side by side: their order, what is kept of each, and which atomics changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.atomic_result import Alert, Latency, VariantResult
from harness.model.history import History
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.recording import open_recording
from harness.study.nights.nights import night_of
from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB

RULE = "container-cli-api"
FIRST = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def result() -> Result:
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))


def night(result: Result, number: int, atomic: str = MAIN_JOB[0], **changes: Any) -> Result:
    results = [each.model_copy(update=changes) if each.atomic == atomic else each for each in result.results]
    return result.model_copy(update={"finished": FIRST + timedelta(days=number), "results": results})


def test_nights_are_in_the_order_of_their_ends(result: Result) -> None:
    nights = [night_of([night(result, number)]) for number in (2, 0, 1)]
    history = History.of(nights)
    assert [each.finished.day for each in history.nights] == [1, 2, 3]
    assert [each.finished.day for each in history.last(2).nights] == [2, 3]
    assert history.last(0).nights == ()
    assert night_of([result], FIRST).finished == FIRST


def test_an_atomic_that_changed_and_one_that_was_not_there(result: Result) -> None:
    silent = night(result, 1, verdict=Verdict.RULE_SILENT)
    less = silent.model_copy(update={"results": [each for each in silent.results if each.atomic != MAIN_JOB[1]]})
    history = History.of([night_of([night(result, 0)]), night_of([less])])
    assert history.rules == [RULE]
    assert set(history.atomics(RULE)) == set(MAIN_JOB)
    assert history.atomics(RULE)[-1] == MAIN_JOB[1]  # the newest night does not have it
    assert history.verdicts(RULE, MAIN_JOB[0]) == [Verdict.PROVEN, Verdict.RULE_SILENT]
    assert history.verdicts(RULE, MAIN_JOB[1]) == [Verdict.PROVEN, None]
    assert [history.changed(RULE, atomic) for atomic in MAIN_JOB] == [True, False, False]


def test_the_latency_is_the_median_over_atomics_without_variants(result: Result) -> None:
    times = dict(zip(MAIN_JOB, (0.1, 0.5, 0.3), strict=True))
    timed = [each.model_copy(update={"latency": Latency(telemetry=times[each.atomic])}) for each in result.results]
    compared = VariantResult(of=MAIN_JOB[0], family="f", name="n", held_out=False, equivalence="identical")
    slow = {"atomic": f"{MAIN_JOB[0]}~f.n", "variant": compared, "latency": Latency(telemetry=9.0, alert=9.0)}
    found = night_of([result.model_copy(update={"results": [*timed, timed[0].model_copy(update=slow)]})])
    assert (found.telemetry, found.alert) == (0.3, None)
    assert History.of([found]).is_variant(f"{MAIN_JOB[0]}~f.n")
    assert not History.of([found]).is_variant(MAIN_JOB[0])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_several_results_of_a_night_count_together_and_the_bad_one_stands(
    result: Result, order: tuple[int, int]
) -> None:
    noisy = result.background.model_copy(update={"alerts": {RULE: [Alert(row={})]}})
    both = [night(result, 0), night(result, 0, verdict=Verdict.RULE_SILENT).model_copy(update={"background": noisy})]
    found = night_of([both[number] for number in order] + [both[1]])
    assert found.verdicts[RULE, MAIN_JOB[0]] is Verdict.RULE_SILENT
    assert found.background == {RULE: 2}


@pytest.mark.parametrize("unjudged", [Verdict.SKIPPED, Verdict.INCONCLUSIVE])
def test_what_says_nothing_hides_nothing_that_is_wrong(result: Result, unjudged: Verdict) -> None:
    nothing, silent = night(result, 0, verdict=unjudged), night(result, 0, verdict=Verdict.RULE_SILENT)
    for several in ([nothing, silent], [silent, nothing]):
        assert night_of(several).verdicts[RULE, MAIN_JOB[0]] is Verdict.RULE_SILENT
    assert night_of([nothing, result]).verdicts[RULE, MAIN_JOB[0]] is unjudged


def test_a_copy_shows_nothing_of_its_own(result: Result) -> None:
    loud = result.background.model_copy(update={"alerts": {RULE: [Alert(row={})]}})
    one = result.model_copy(update={"background": loud})
    copy = one.model_copy(update={"copy_of": "one"})
    assert night_of([one, copy]).background == {RULE: 1}
    assert night_of([copy]).background == {RULE: 1}  # a night by itself
