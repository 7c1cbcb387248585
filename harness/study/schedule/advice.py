"""The weaknesses of a schedule, in words, with their cures."""

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
    """Each weakness once, for all atomics that it concerns, the worst first."""
    return [
        *_silent(rule, atomics),
        *_lost(rule, schedule, atomics),
        *_split(rule, schedule, atomics),
        *_idle(rule, schedule, idle_alert),
        *_repeated(rule, schedule, atomics),
    ]


def sure_period(schedule: Schedule, delay: float) -> float:
    """The shortest look-back that is sure to see an event with this delay; both in seconds, in whole minutes.

    The last run with an event in its look-back is scheduled at most `frequency` before the event leaves it. That run
    sees what is ingested until it is executed, `schedule.delay` later.
    """
    needed = max(schedule.frequency, schedule.frequency + delay - schedule.delay)
    return math.ceil(needed / _MINUTE) * _MINUTE


def _silent(rule: Rule, atomics: Sequence[AtomicSchedule]) -> Iterator[Weakness]:
    silent = [atomic for atomic in atomics if not atomic.fires_at_once]
    if silent:
        text = f"no alert on {_names(silent)} even where one run sees all of its events"
        cure = "look at it with `livefire prove`, and at triggerOperator and triggerThreshold"
        yield Weakness(kind="silent", at=str(rule.at_key("triggerOperator")), text=text, cure=cure)


def _lost(rule: Rule, schedule: Schedule, atomics: Sequence[AtomicSchedule]) -> Iterator[Weakness]:
    losing = [atomic for atomic in atomics if atomic.lost]
    if not losing:
        return
    longest = max(atomic.longest_delay for atomic in losing)
    sure = schedule.period - schedule.frequency + schedule.delay
    most = max(losing, key=lambda atomic: atomic.lost_share)
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
    split = [atomic for atomic in atomics if atomic.fires_at_once and atomic.missed > atomic.missed_by_loss]
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
    """One attack at the border of two runs may raise two alerts, so only more than two is a weakness."""
    repeated = [atomic for atomic in atomics if atomic.runs and atomic.runs.p50 > 2]
    if not repeated:
        return
    most = max(atomic.runs.p50 for atomic in repeated if atomic.runs)
    longest = max(atomic.longest_delay for atomic in atomics)
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
    return ", ".join(short_id(atomic.atomic) for atomic in atomics)
