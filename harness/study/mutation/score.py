"""All mutants of a rule and its score: what share of those that can be told from the rule some test tells from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import LivefireError, RuleNotRunnable
from harness.judge.workers import Call, side_by_side
from harness.kql.engine import QueryFailed
from harness.kql.limits import Limits
from harness.model.mutants import Mutant, Mutants
from harness.model.rule import Rule
from harness.study.mutation.bench import Bench, Case, cases
from harness.study.mutation.operators import Mutation, mutations


class NotProven(LivefireError):
    """The rule as it is does not meet its expectations, so what a mutant does says nothing."""

    exit_code = 1


def mutate(
    rule: Path,
    expectations: Path,
    recordings: list[Path],
    *,
    limits: Limits = Limits(),
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Mutants:
    """Judge every mutant of `rule`, in as many processes as there are processors.

    Raises NothingSelected when no recording holds an atomic that is expected, NotProven when the rule itself fails,
    RuleNotRunnable when it does not run, LimitMet when it takes more than it may.
    """
    found = cases(rule, expectations, recordings)
    original = next(case.expectations[0].rule for case in found if case.expectations)
    try:
        changes = mutations(original.query)
    except QueryFailed as error:
        raise RuleNotRunnable(f"the rule is not runnable on this engine: {error.message}") from None
    given = (original, found, replace(limits, threads=1))
    judged: dict[int, Mutant] = {}
    progress(0, len(changes))
    calls: list[Call] = [(_require, ()), *((_judge, (change,)) for change in changes)]
    with side_by_side(_begin, given, calls, wanted=workers) as answers:
        for number, answer in answers:
            if number:
                judged[number] = answer
                progress(len(judged), len(changes))
    mutants = [judged[number] for number in sorted(judged)]
    return Mutants(
        rule=original.id,
        cases=sum(len(case.expectations) for case in found),
        score=_score(mutants),
        mutants=mutants,
    )


def _score(mutants: Sequence[Mutant]) -> float:
    """From 0 to 1; 1 where there was nothing to kill."""
    counted = [mutant for mutant in mutants if mutant.status in ("killed", "live")]
    return sum(mutant.status == "killed" for mutant in counted) / len(counted) if counted else 1.0


# one for each worker process: loading the recordings takes longer than judging a mutant
_given: tuple[Rule, list[Case], Limits] | None = None
_bench: Bench | None = None


def _begin(rule: Rule, found: list[Case], limits: Limits) -> None:
    global _given
    _given = (rule, found, limits)


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
    return RuleNotRunnable(f"the rule is not runnable on this engine: {error.message}", hint="Mend it first.")


def _require() -> None:
    """Raise what keeps the rule itself from being judged."""
    try:
        said = _ready().unmet()
    except QueryFailed as error:
        raise _not_runnable(error) from None
    if said:
        raise NotProven(f"the rule does not meet its expectations as it is: {said}", hint="Mend it first.")


def _judge(mutation: Mutation) -> Mutant:
    return _ready().judge(mutation)
