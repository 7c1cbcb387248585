"""All mutants of a rule and its score: what share of those that can be told from the rule some test tells from it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

from harness.errors import LivefireError, RuleNotRunnable
from harness.model.rule import Rule
from harness.proof.engines import QueryFailed
from harness.proof.mutation.bench import Bench, Case, MutantResult, cases
from harness.proof.mutation.operators import Mutation, mutations
from harness.proof.workers import workers as pool_of


class NotProven(LivefireError):
    """The rule as it is does not meet its expectations, so what a mutant does says nothing."""

    exit_code = 1


@dataclass(frozen=True)
class MutationReport:
    """All mutants of one rule, judged by so many `cases`: an atomic in a recording each.

    `score` is the share of those killed among those that could be.
    """

    rule: str
    mutants: list[MutantResult]
    cases: int

    @property
    def score(self) -> float:
        """From 0 to 1; 1 where there was nothing to kill."""
        counted = [mutant for mutant in self.mutants if mutant.status in ("killed", "live")]
        return sum(mutant.status == "killed" for mutant in counted) / len(counted) if counted else 1.0


def mutate(
    rule: Path,
    expectations: Path,
    recordings: list[Path],
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> MutationReport:
    """Judge every mutant of `rule`, in as many processes as there are processors.

    Raises NothingSelected when no recording holds an atomic that is expected, NotProven when the rule itself fails,
    RuleNotRunnable when it does not run.
    """
    found = cases(rule, expectations, recordings)
    original = next(case.expectations[0].rule for case in found if case.expectations)
    try:
        changes = mutations(original.query)
    except QueryFailed as error:
        raise RuleNotRunnable(f"the rule is not runnable on this engine: {error.message}") from None
    with pool_of(_begin, (original, found), most=len(changes) + 1, wanted=workers) as pool:
        unmet = pool.submit(_unmet)
        judged = [pool.submit(_judge, change) for change in changes]
        try:
            _require(unmet.result())
            for done, _ in enumerate(as_completed(judged), 1):
                progress(done, len(judged))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return MutationReport(
        original.id, [future.result() for future in judged], sum(len(case.expectations) for case in found)
    )


def _require(unmet: tuple[type[LivefireError], str] | None) -> None:
    if unmet is not None:
        error, said = unmet
        raise error(said, hint="Mend it first.")


# one for each worker process: loading the recordings takes longer than judging a mutant
_given: tuple[Rule, list[Case]] | None = None
_bench: Bench | None = None


def _begin(rule: Rule, found: list[Case]) -> None:
    global _given
    _given = (rule, found)


def _ready() -> Bench:
    global _bench
    if _bench is None:
        assert _given is not None
        _bench = Bench(*_given)
    return _bench


def _unmet() -> tuple[type[LivefireError], str] | None:
    """What keeps the rule itself from being judged; an exception would not come through whole."""
    try:
        said = _ready().unmet()
    except QueryFailed as error:
        return RuleNotRunnable, f"the rule is not runnable on this engine: {error.message}"
    return (NotProven, f"the rule does not meet its expectations as it is: {said}") if said else None


def _judge(mutation: Mutation) -> MutantResult:
    return _ready().judge(mutation)
