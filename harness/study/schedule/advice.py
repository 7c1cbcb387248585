"""What is wrong with a schedule, in words, and what would cure it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from harness.model.atomic import short_id
from harness.model.duration import format_duration
from harness.model.rule import Rule
from harness.model.schedule import LONGEST, Schedule
from harness.model.schedule_result import AtomicSchedule, Weakness

_MINUTE = 60


def weaknesses(rule: Rule, schedule: Schedule, atomics: Sequence[AtomicSchedule], idle_alert: bool) -> list[Weakness]:
    """Each thing that is wrong, the worst first, told once for all atomics that it is true of."""
    return [
        *_silent(rule, atomics),
        *_lost(rule, schedule, atomics),
        *_split(rule, schedule, atomics),
        *_idle(rule, schedule, idle_alert),
        *_repeated(rule, schedule, atomics),
    ]


def sure_period(schedule: Schedule, delay: float) -> float:
    """The shortest look-back, in seconds, that surely sees an event with this delay, in whole minutes.

    The last run that has an event in its look-back is scheduled at most `frequency` before it leaves it, and sees what
    is ingested until it is executed, `schedule.delay` later.
    """
    needed = max(schedule.frequency, schedule.frequency + delay - schedule.delay)
    return math.ceil(needed / _MINUTE) * _MINUTE


def _silent(rule: Rule, atomics: Sequence[AtomicSchedule]) -> Iterator[Weakness]:
    silent = [each for each in atomics if not each.fires_at_once]
    if silent:
        text = f"no alert on {_names(silent)} even where one run sees all of its events"
        cure = "look at it with `livefire prove`, and at triggerOperator and triggerThreshold"
        yield Weakness(kind="silent", at=str(rule.at_key("triggerOperator")), text=text, cure=cure)


def _lost(rule: Rule, schedule: Schedule, atomics: Sequence[AtomicSchedule]) -> Iterator[Weakness]:
    losing = [each for each in atomics if each.lost]
    if not losing:
        return
    longest = max(each.longest_delay for each in losing)
    sure = schedule.period - schedule.frequency + schedule.delay
    most = max(losing, key=lambda each: each.lost_share)
    text = (
        f"up to {most.lost_share:.1%} of the events ({short_id(most.atomic)}) are ingested after the last run that "
        f"looks back to them, and no run ever sees them: a delay of more than queryPeriod - queryFrequency + "
        f"{format_duration(schedule.delay)} = {format_duration(sure)} may lose an event, and the longest was "
        f"{format_duration(longest)}"
    )
    needed = sure_period(schedule, longest)
    if needed <= LONGEST.total_seconds():
        cure = f"a queryPeriod of at least {format_duration(needed)}, or an NRT rule, which goes by ingestion time"
    else:
        cure = "an NRT rule, which goes by ingestion time: no queryPeriod is long enough"
    yield Weakness(kind="lost", at=str(rule.at_key("queryPeriod")), text=text, cure=cure)


def _split(rule: Rule, schedule: Schedule, atomics: Sequence[AtomicSchedule]) -> Iterator[Weakness]:
    split = [each for each in atomics if each.fires_at_once and each.missed > each.missed_by_loss]
    if split:
        text = f"without any event lost, no single run sees enough of {_names(split)} at once in some of the draws"
        cure = "a longer queryPeriod" if schedule.kind == "Scheduled" else "a scheduled rule, which looks back further"
        yield Weakness(kind="split", at=str(rule.at_key("queryPeriod")), text=text, cure=cure)


def _idle(rule: Rule, schedule: Schedule, idle_alert: bool) -> Iterator[Weakness]:
    if idle_alert:
        each_day = 86400 / schedule.frequency
        text = f"the rule alerts where there is no event at all: up to {each_day:.0f} alerts a day without an attack"
        cure = "triggerOperator gt, unless it is meant to report what is absent"
        yield Weakness(kind="idle", at=str(rule.at_key("triggerOperator")), text=text, cure=cure)


def _repeated(rule: Rule, schedule: Schedule, atomics: Sequence[AtomicSchedule]) -> Iterator[Weakness]:
    """One attack that is spread over two runs may well raise two alerts: more than two is told."""
    repeated = [each for each in atomics if each.runs and each.runs.p50 > 2]
    if not repeated:
        return
    most = max(each.runs.p50 for each in repeated if each.runs)
    longest = max(each.longest_delay for each in atomics)
    text = (
        f"one attack raises an alert at each of about {most:.0f} runs, as long as it stays in the look-back: "
        f"queryPeriod {format_duration(schedule.period)} / queryFrequency {format_duration(schedule.frequency)}"
    )
    needed = sure_period(schedule, longest)
    count = math.ceil(needed / schedule.frequency)
    runs = "one run sees" if count == 1 else f"at most {count} runs see"
    if needed < schedule.period:
        cure = (
            f"a queryPeriod of {format_duration(needed)}, which is queryFrequency and a margin for the delay: "
            f"{runs} an event; or suppression"
        )
    else:
        cure = "suppression, or a lower queryFrequency: the delays need this look-back"
    yield Weakness(kind="repeated", at=str(rule.at_key("queryPeriod")), text=text, cure=cure)


def _names(atomics: Sequence[AtomicSchedule]) -> str:
    return ", ".join(short_id(each.atomic) for each in atomics)
