"""Which runs see which events, by hand and for all schedules. Times are seconds after the attack's exec."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.model.schedule import Schedule
from harness.study.schedule.advice import sure_period
from harness.study.schedule.ingestion import Arrival
from harness.study.schedule.timetable import Timetable

MINUTE, HOUR = 60.0, 3600.0


def schedule(frequency: float, period: float, kind: Any = "Scheduled", delay: float = 300) -> Schedule:
    return Schedule(
        kind=kind,
        frequency=frequency,
        period=period,
        delay=delay,
        operator="gt",
        threshold=0,
        grouping="SingleAlert",
        suppression=0,
    )


NRT = schedule(60, 60, "NRT", 120)


def runs(table: Timetable, *arrivals: Arrival) -> list[tuple[float, float, tuple[int, ...]]]:
    return [(run.scheduled, run.executed, run.visible) for run in table.runs(arrivals)]


def test_an_event_that_comes_at_once_is_seen_by_the_next_run() -> None:
    table = Timetable(schedule(5 * MINUTE, 5 * MINUTE), phase=2 * MINUTE)
    assert runs(table, Arrival(7, 0, 1)) == [(120.0, 420.0, (7,))]


def test_the_five_minutes_before_a_run_is_executed_are_there_for_the_delay() -> None:
    table = Timetable(schedule(5 * MINUTE, 5 * MINUTE), phase=2 * MINUTE)
    assert runs(table, Arrival(7, 0, 7 * MINUTE)) == [(120.0, 420.0, (7,))]  # the run at 2m is executed at 7m
    assert table.sees(Arrival(7, 0, 7 * MINUTE))


def test_an_event_ingested_after_its_last_look_back_is_lost() -> None:
    table = Timetable(schedule(5 * MINUTE, 5 * MINUTE), phase=2 * MINUTE)
    late = Arrival(7, 0, 7 * MINUTE + 1)  # the next run, at 7m, looks back to 2m
    assert not table.sees(late)
    assert runs(table, late) == []


def test_a_longer_look_back_finds_it_again_and_again() -> None:
    table = Timetable(schedule(5 * MINUTE, 20 * MINUTE), phase=2 * MINUTE)
    assert [run[0] for run in runs(table, Arrival(7, 0, 7 * MINUTE + 1))] == [420.0, 720.0, 1020.0]


def test_the_projects_schedule_sees_an_event_24_times() -> None:
    table = Timetable(schedule(HOUR, 24 * HOUR), phase=20 * MINUTE)
    found = runs(table, Arrival(1, 0, 30), Arrival(2, 0, 2 * HOUR))
    assert len(found) == 24
    assert found[0] == (20 * MINUTE, 25 * MINUTE, (1,))
    assert found[2] == (2 * HOUR + 20 * MINUTE, 2 * HOUR + 25 * MINUTE, (1, 2))
    assert found[-1][0] == 23 * HOUR + 20 * MINUTE


def test_a_duplicate_is_seen_twice_by_the_runs_that_have_both() -> None:
    table = Timetable(schedule(5 * MINUTE, 10 * MINUTE), phase=MINUTE)
    assert [run[2] for run in runs(table, Arrival(7, 0, 10), Arrival(7, 0, 8 * MINUTE))] == [(7,), (7, 7)]


def test_near_real_time_goes_by_ingestion_and_loses_nothing() -> None:
    table = Timetable(NRT, phase=30)
    assert runs(table, Arrival(7, 0, 6 * HOUR)) == [(6 * HOUR + 30, 6 * HOUR + 150, (7,))]
    assert runs(table, Arrival(7, 0, 5), Arrival(8, 0, 40)) == [(30.0, 150.0, (7,)), (90.0, 210.0, (8,))]


PHASES = st.floats(0, 0.999)
DELAYS = st.floats(0, 3 * 86400)


@given(st.integers(5, 600), st.integers(0, 600), PHASES, st.floats(0, 60), DELAYS)
def test_a_run_sees_what_is_in_its_look_back_and_was_ingested(
    frequency: int, more: int, phase: float, generated: float, delay: float
) -> None:
    plan = schedule(frequency * MINUTE, (frequency + more) * MINUTE)
    table = Timetable(plan, phase * plan.frequency)
    arrival = Arrival(1, generated, generated + delay)
    every = [table.phase + number * plan.frequency for number in range(-2, 300)]
    expected = [at for at in every if at - plan.period < generated <= at and arrival.ingested <= at + plan.delay]
    assume(min(min(abs(at - generated), abs(at - plan.period - generated)) for at in every) > 1e-3)
    assume(min(abs(at + plan.delay - arrival.ingested) for at in every) > 1e-3)
    assert [run[0] for run in runs(table, arrival)] == pytest.approx(expected)
    assert table.sees(arrival) == bool(expected)


@given(st.integers(5, 600), PHASES, st.floats(0, 60), DELAYS)
def test_the_look_back_that_is_told_as_sure_is_sure(
    frequency: int, phase: float, generated: float, delay: float
) -> None:
    plan = schedule(frequency * MINUTE, frequency * MINUTE)
    sure = plan.model_copy(update={"period": sure_period(plan, delay)})
    assert Timetable(sure, phase * plan.frequency).sees(Arrival(1, generated, generated + delay))


@given(PHASES, st.floats(0, 60), DELAYS)
def test_near_real_time_sees_each_event_once(phase: float, generated: float, delay: float) -> None:
    assert len(runs(Timetable(NRT, phase * 60), Arrival(1, generated, generated + delay))) == 1
