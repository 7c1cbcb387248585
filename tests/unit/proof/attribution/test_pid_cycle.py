"""Whether the counter of pids came by a number."""

from __future__ import annotations

from harness.proof.attribution.pid_cycle import PidCycle

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


def test_places_that_are_none_tell_nothing() -> None:
    assert not PidCycle([]).passed(1, 0, 1)
    assert not PidCycle([1, 2]).passed(1, -1, 1)
