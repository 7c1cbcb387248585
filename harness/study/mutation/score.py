"""All mutants of a rule and its score: the share of killed mutants among those that a test could kill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import LivefireError, RuleNotRunnable
from harness.judge.workers import Call, side_by_side
from harness.kql.engine import QueryFailed
from harness.kql.limits import Limits
from harness.model.expectation import Expectation
from harness.model.mutants import Mutant, Mutants
from harness.model.rule import Rule
from harness.study.mutation.bench import Bench, Case, cases
from harness.study.mutation.operators import Mutation, mutations


class NotProven(LivefireError):
    """The rule itself does not meet its expectations, so verdicts of its mutants mean nothing."""

    exit_code = 1


def mutate(
    expectations: Sequence[Expectation],
    recordings: list[Path],
    *,
    limits: Limits = Limits(),
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Mutants:
    """Judge every mutant of the rule that these expectations are of, by default in one process per processor.

    Raises NothingSelected where no recording holds an expected atomic, NotProven where the rule itself fails,
    RuleNotRunnable where it does not run, LimitMet where it exceeds a limit.
    """
    chosen = cases(expectations, recordings)
    original = expectations[0].rule
    try:
        changes = mutations(original.query)
    except QueryFailed as error:
        raise RuleNotRunnable(f"the rule is not runnable on this engine: {error.message}") from None
    given = (original, chosen, replace(limits, threads=1))
    judged: dict[int, Mutant] = {}
    progress(0, len(changes))
    calls: list[Call] = [(_require, ()), *((_judge, (change,)) for change in changes)]
    with side_by_side(_begin, given, calls, processes=workers) as answers:
        for number, answer in answers:
            if number:
                judged[number] = answer
                progress(len(judged), len(changes))
    mutants = [judged[number] for number in sorted(judged)]
    return Mutants(
        rule=original.id,
        cases=sum(len(case.expectations) for case in chosen),
        score=_score(mutants),
        mutants=mutants,
    )


def _score(mutants: Sequence[Mutant]) -> float:
    """The share of killed mutants, 0 to 1; 1 where there was nothing to kill."""
    counted = [mutant for mutant in mutants if mutant.status in ("killed", "live")]
    return sum(mutant.status == "killed" for mutant in counted) / len(counted) if counted else 1.0


# one per worker process, since loading the recordings takes longer than judging a mutant
_given: tuple[Rule, list[Case], Limits] | None = None
_bench: Bench | None = None


def _begin(rule: Rule, chosen: list[Case], limits: Limits) -> None:
    global _given
    _given = (rule, chosen, limits)


def _ready() -> Bench:
    global _bench
    if _bench is None:
        assert _given is not None
        try:
            _bench = Bench(*_given)
        except QueryFailed as error:
            raise _not_runnable(error) from None
    return _bench


def _not_runnable(error: QueryFailed) -> RuleNotRunnable:
    return RuleNotRunnable(f"the rule is not runnable on this engine: {error.message}", hint="Correct it first.")


def _require() -> None:
    """Raise NotProven or RuleNotRunnable where mutants of the rule can't be judged."""
    try:
        reason = _ready().unmet()
    except QueryFailed as error:
        raise _not_runnable(error) from None
    if reason:
        raise NotProven(f"the rule itself does not meet its expectations: {reason}", hint="Correct it first.")


def _judge(mutation: Mutation) -> Mutant:
    return _ready().judge(mutation)
