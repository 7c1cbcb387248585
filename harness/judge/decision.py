"""The decision: from what is known of an atomic under a rule to its verdict.

It is a table in the order of docs/reference/verdicts.md; the first row that applies decides. `SKIPPED` is not in it,
since nothing was run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.judge.facts import Answer, Facts, Known
from harness.model.expectation import Expectation
from harness.model.observed import Executed
from harness.model.verdict import Verdict


@dataclass(frozen=True)
class Outcome:
    """A row of the table. `reason` is called only where `when` applies."""

    verdict: Verdict
    when: Callable[[Known], bool]
    reason: Callable[[Known], str]


# What applies.


def _was_cut_short(known: Known) -> bool:  # what is missing might still have come
    return bool(known.facts.executed.given_up)


def _silence_says_nothing(known: Known) -> bool:
    return bool(known.unheard())


def _effect_is_absent(known: Known) -> bool:
    return bool(known.absent()) and not _was_cut_short(known) and not _silence_says_nothing(known)


def _may_have_done_something(known: Known) -> bool:  # a variant without a recorded effect, beside ill sensors
    return bool(known.facts.variant and known.facts.variant.equivalence == "none" and known.ill())


def _is_incomparable(known: Known) -> bool:
    return bool(known.facts.variant and known.facts.variant.equivalence == "unknown")


def _does_something_else(known: Known) -> bool:
    doubted = (_was_cut_short, _silence_says_nothing, _may_have_done_something, _is_incomparable)
    differs = bool(known.facts.variant and not known.facts.variant.equivalent)
    return differs and not any(doubt(known) for doubt in doubted)


def _lab_lacks_what_is_asked(known: Known) -> bool:
    return bool(known.facts.lacking)


def _sensor_is_ill(known: Known) -> bool:
    return bool(known.ill())


def _signal_is_missing(known: Known) -> bool:
    return bool(known.unseen())


def _must_fire(known: Known) -> bool:
    return known.entry.fires


def _is_silent(known: Known) -> bool:
    return _must_fire(known) and not known.rows


def _known_evasion_has_closed(known: Known) -> bool:
    right = bool(known.facts.variant and known.facts.variant.flags_right)
    return right and _must_fire(known) and bool(known.entry.known_gap)


def _flag_differs(known: Known) -> bool:
    return _must_fire(known) and bool(known.wrong()) and not _known_evasion_has_closed(known)


def _number_of_rows_differs(known: Known) -> bool:
    counted = _must_fire(known) and bool(known.expectation.rows) and not _known_evasion_has_closed(known)
    return counted and known.rows != known.expectation.rows


def _fires_where_it_must_not(known: Known) -> bool:
    return not _must_fire(known) and known.rows != known.expectation.rows


def _fires_unforeseen(known: Known) -> bool:
    return _fires_where_it_must_not(known) and not known.entry.known_gap


def _fires_where_it_was_blind(known: Known) -> bool:
    return _fires_where_it_must_not(known) and not known.expectation.rows


def _false_alarms_are_gone(known: Known) -> bool:
    return _fires_where_it_must_not(known) and not known.rows


def _is_wrong_as_known(known: Known) -> bool:
    return bool(known.entry.known_gap)


def _is_rightly_silent(known: Known) -> bool:
    return not _must_fire(known)


# The reasons.


def _of_flag(known: Known) -> str:
    """The reason for the first wrong flag."""
    name, flag = next(iter(known.wrong().items()))
    if flag.actual is flag.expected:
        return f"{name} is {flag.reserve}"
    actual = "has no value" if flag.actual is None else f"is {str(flag.actual).lower()}"
    where = f" in at least one of {known.rows} rows" if known.rows > 1 else ""
    return f"{name} {actual}{where}, expected {str(flag.expected).lower()}"


def _of_silence(known: Known) -> str:
    if companions := known.facts.answer.companions:
        return f"the rule fired on companions alone: {_counted(companions)}, and none is the atomic's own"
    return "the rule gave no row"


def _of_signal(known: Known) -> str:
    signal = known.unseen()[0]
    return f"{', '.join(signal.rests_on)} did not show: {signal.name}"


def _of_variant(known: Known) -> str:
    """The first difference of a variant."""
    return known.facts.variant.differences[0] if known.facts.variant else ""


def _of_illness(known: Known) -> str:
    return next(iter(known.ill().values()))


def _counted(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


_RAN = Executed(ran=True, effect=True)
_CLOSED = "the known gap has closed"
_V = Verdict
TABLE = (
    Outcome(_V.NOT_EXECUTED, _effect_is_absent, lambda k: f"the effect was not observed: {k.absent()[0].name}"),
    Outcome(_V.NOT_EXECUTED, _does_something_else, lambda k: f"it does not do the same: {_of_variant(k)}"),
    Outcome(
        _V.INCONCLUSIVE,
        _was_cut_short,
        lambda k: f"the attack was ended early, since {k.facts.executed.given_up}",
    ),
    Outcome(_V.INCONCLUSIVE, _silence_says_nothing, lambda k: k.unheard()[0]),
    Outcome(_V.INCONCLUSIVE, _may_have_done_something, _of_illness),
    Outcome(_V.INCONCLUSIVE, _is_incomparable, lambda k: f"{_of_variant(k)}: there is nothing to compare with"),
    Outcome(_V.INCONCLUSIVE, _lab_lacks_what_is_asked, lambda k: k.facts.lacking),
    Outcome(_V.INCONCLUSIVE, _sensor_is_ill, _of_illness),
    Outcome(_V.NO_TELEMETRY, _signal_is_missing, _of_signal),
    Outcome(_V.RULE_SILENT, _is_silent, _of_silence),
    Outcome(_V.WRONG_FLAGS, _flag_differs, _of_flag),
    Outcome(_V.WRONG_FLAGS, _number_of_rows_differs, lambda k: f"{_counted(k.rows)}, expected {k.expectation.rows}"),
    Outcome(
        _V.UNEXPECTED_ALERT,
        _known_evasion_has_closed,
        lambda _: f"{_CLOSED}: the flags are right; take the variant out of evasions",
    ),
    Outcome(_V.UNEXPECTED_ALERT, _fires_unforeseen, lambda k: f"the rule fires on {_counted(k.rows)}, and must not"),
    Outcome(_V.UNEXPECTED_ALERT, _fires_where_it_was_blind, lambda _: f"{_CLOSED}: the rule fires; drop known_gap"),
    Outcome(
        _V.UNEXPECTED_ALERT,
        _false_alarms_are_gone,
        lambda _: f"{_CLOSED}: the rule is silent; drop false_alarms and known_gap",
    ),
    Outcome(
        _V.UNEXPECTED_ALERT,
        _fires_where_it_must_not,
        lambda k: f"the known gap has changed: {_counted(k.rows)}, expected {k.expectation.rows}: {k.entry.known_gap}",
    ),
    Outcome(_V.KNOWN_GAP, _is_wrong_as_known, lambda k: str(k.entry.known_gap)),
    Outcome(_V.PROVEN, _is_rightly_silent, lambda _: "executed, seen, and rightly silent"),
    Outcome(_V.PROVEN, _must_fire, lambda _: "executed, seen, fired, and exactly these flags"),
)


def decide(expectation: Expectation, facts: Facts) -> tuple[Verdict, str]:
    """The verdict and its reason, by the first row of the table that applies."""
    known = Known(expectation, facts)
    row = next(row for row in TABLE if row.when(known))
    reason = row.reason(known)
    return row.verdict, f"{reason}; the attack ran into its time limit" if facts.executed.timed_out else reason


def decide_rule(expectation: Expectation, answer: Answer) -> tuple[Verdict, str]:
    """The verdict on the rule alone, as if the attack ran and was seen."""
    return decide(expectation, Facts(_RAN, answer))
