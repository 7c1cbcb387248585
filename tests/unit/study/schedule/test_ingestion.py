"""How the events of an attack arrive: together, late, twice, in another order; and the same for the same seed."""

from __future__ import annotations

from random import Random

from harness.study.schedule.delays import Late, parse_delay
from harness.study.schedule.ingestion import Arrival, Event, Ingestion

EVENTS = [Event(n, "auditd" if n % 2 else "kube_audit", n / 10, 0.01 * n) for n in range(100)]


def delays(ingestion: Ingestion, seed: int = 0) -> list[float]:
    return [a.ingested - a.generated for a in ingestion.arrivals(EVENTS, Random(seed))]


def test_the_events_of_one_sensor_keep_their_order() -> None:
    found = Ingestion(parse_delay("uniform:1m..10m")).arrivals(EVENTS, Random(0))
    assert [arrival.number for arrival in found] == list(range(100))
    for odd in (0, 1):
        times = [arrival.ingested for arrival in found if arrival.number % 2 == odd]
        assert times == sorted(times)
    assert len({round(a.ingested - a.generated, 6) for a in found}) == 2  # one delay for each sensor


def test_out_of_order_each_event_has_its_own() -> None:
    found = Ingestion(parse_delay("uniform:1m..10m"), out_of_order=True).arrivals(EVENTS, Random(0))
    times = [arrival.ingested for arrival in found]
    assert times != sorted(times)
    assert len({round(a.ingested - a.generated, 6) for a in found}) == 100


def test_late_events_come_later_by_so_much() -> None:
    found = delays(Ingestion(parse_delay("fixed:1m"), late=Late(0.2, 3600)))
    assert {round(delay) for delay in found} == {60, 3660}
    assert 10 <= sum(delay > 100 for delay in found) <= 30
    assert {round(delay) for delay in delays(Ingestion(parse_delay("fixed:1m"), late=Late(1.0, 5)))} == {65}


def test_duplicates_are_the_same_event_with_another_delay() -> None:
    found = Ingestion(parse_delay("uniform:1m..10m"), duplicates=0.2).arrivals(EVENTS, Random(0))
    assert 110 <= len(found) <= 130
    assert {arrival.number for arrival in found} == set(range(100))
    twice = [n for n in range(100) if sum(a.number == n for a in found) == 2]
    first, second = (arrival for arrival in found if arrival.number == twice[0])
    assert first.generated == second.generated
    assert first.ingested != second.ingested


def test_measured_delays_are_each_events_own() -> None:
    found = Ingestion(parse_delay("measured")).arrivals(EVENTS[:3], Random(0))
    assert found == [Arrival(0, 0.0, 0.0), Arrival(1, 0.1, 0.11), Arrival(2, 0.2, 0.22)]


def test_the_same_seed_gives_the_same() -> None:
    ingestion = Ingestion(parse_delay("exponential:mean=3m"), Late(0.1, 60), 0.1, out_of_order=True)
    assert delays(ingestion, 7) == delays(ingestion, 7) != delays(ingestion, 8)
