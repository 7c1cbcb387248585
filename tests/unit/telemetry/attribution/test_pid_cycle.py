"""Whether the counter of pids came by a number."""

from __future__ import annotations

import pytest

from harness.telemetry.attribution.pid_cycle import PidCycle

ROUND = [*range(1000, 32000, 100), *range(300, 32000, 100), *range(300, 3000, 100)]
SECOND = 310  # where the second round begins
THIRD = SECOND + 317


def test_a_number_is_given_away_anew_once_the_counter_has_come_by() -> None:
    cycle = PidCycle(ROUND)
    assert cycle.passed(5000, 41, SECOND + 60)
    assert not cycle.passed(5000, 41, SECOND + 10)
    assert cycle.passed(30000, 0, SECOND)  # alive before the log began


def test_its_owner_got_it_when_the_counter_was_there() -> None:
    cycle = PidCycle(ROUND)
    assert not cycle.passed(ROUND[40], 40, 45)
    assert not cycle.passed(ROUND[40], 40, 300)


def test_after_two_rounds_every_number_may_be_anothers() -> None:
    assert PidCycle(ROUND).passed(31000, 299, THIRD + 10)


def test_one_process_of_long_ago_is_no_round() -> None:
    pids = [*range(20000, 20100), 412, *range(20100, 20200), 413, 414, *range(20200, 20300)]
    assert not PidCycle(pids).passed(15000, 5, len(pids) - 1)


def test_three_pids_of_five_tell_where_the_counter_is() -> None:
    high, low = [*range(31000, 31005)], [*range(300, 305)]
    assert PidCycle([*high[:3], *low]).passed(32000, 0, 1)
    assert PidCycle([*high, *low[:3]]).passed(32000, 0, 3)
    assert not PidCycle([*high, *low[:2]]).passed(32000, 0, 3)


@pytest.mark.parametrize(("fallen", "anew"), [(19000, False), (10000, False), (9999, True), (300, True)])
def test_a_round_begins_where_the_pids_fall_below_half(fallen: int, anew: bool) -> None:
    assert PidCycle([20000] * 5 + [fallen] * 5).passed(30000, 0, 5) is anew


def test_a_log_that_ends_with_processes_of_long_ago_has_no_further_round() -> None:
    pids = [*range(20008, 20013), 20000, 20001, 3, 4]
    assert not PidCycle(pids).passed(30000, 0, len(pids) - 1)


def test_within_one_round_only_what_lies_between_is_passed() -> None:
    """The counter is at 1200 at place 0 and at 5200 at place 40; up to 300 above it a pid was just given."""
    cycle = PidCycle(ROUND)
    passed = [cycle.passed(pid, 0, 40) for pid in (1199, 1200, 1500, 1501, 5200, 5201)]
    assert passed == [False, False, False, True, True, False]
    assert not cycle.passed(3000, 40, 0)


def test_places_that_are_none_tell_nothing() -> None:
    assert not PidCycle([]).passed(1, 0, 1)
    assert not PidCycle([1, 2]).passed(1, 0, 2)
    assert not PidCycle([*range(1000, 9000, 100), 5]).passed(3000, -1, 50)
