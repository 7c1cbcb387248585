"""Judging each mutant of a rule by the expectations, over recordings: a mutant that no verdict minds is alive."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import LivefireError, NothingSelected
from harness.model.expectation import Expectation, load_expectations
from harness.model.rule import Rule
from harness.proof.engines import DuckDbEngine, Engine, QueryFailed
from harness.proof.judge import judge_rule
from harness.proof.lint import missing_columns
from harness.proof.mutation.equivalence import is_subsumed
from harness.proof.mutation.operators import Mutation, mutations
from harness.proof.tables.schema import BACKGROUND
from harness.recording import open_recording


class NotProven(LivefireError):
    """The rule as it is does not meet its expectations, so what a mutant does says nothing."""

    exit_code = 1


@dataclass(frozen=True)
class MutantResult:
    """A mutant is `killed`, `live`, `equivalent` (proven to be), or `invalid` (the engine can't run it).

    `at` is its place in the rule's file; `killed_by` are atomics, `background`, or `lint`.
    """

    mutation: Mutation
    at: str
    status: str
    killed_by: list[str] = field(default_factory=list)
    suggestion: str = ""


@dataclass(frozen=True)
class MutationReport:
    """All mutants of one rule. `score` is the share of those killed among those that could be."""

    rule: str
    mutants: list[MutantResult]

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

    Raises NothingSelected when no recording holds an atomic that is expected, NotProven when the rule itself fails.
    """
    bench = _Bench(rule, expectations, recordings)
    bench.require_proven()
    found = mutations(bench.rule.query)
    results: list[MutantResult] = []
    with ProcessPoolExecutor(
        workers or os.cpu_count(), initializer=_begin, initargs=(rule, expectations, recordings)
    ) as pool:
        for result in pool.map(_judge, found, chunksize=4):
            results.append(result)
            progress(len(results), len(found))
    return MutationReport(bench.rule.id, results)


class _Bench:
    """One rule, its expectations, and an engine for each recording."""

    def __init__(self, rule: Path, expectations: Path, recordings: list[Path]) -> None:
        self._cases: list[tuple[Engine, list[Expectation]]] = []
        every = load_expectations(expectations, rule)
        for path in recordings:
            recording = open_recording(path)
            held = {d.atomic for d in recording.manifest.detonations if d.attack}
            engine = DuckDbEngine(recording.manifest.finished)
            engine.load(recording.path / "tables")
            self._cases.append((engine, [e for e in every if e.atomic in held]))
        if not any(chosen for _, chosen in self._cases):
            raise NothingSelected(f"no recording holds an atomic that {expectations} expects anything of")
        self.rule = every[0].rule
        self._background = self._alerts(self.rule)

    def require_proven(self) -> None:
        """Raises NotProven unless every expectation about the rule itself is met."""
        for engine, chosen in self._cases:
            for expectation in chosen:
                verdict, reason = judge_rule(expectation, engine, expectation.atomic)
                if not verdict.as_expected:
                    said = f"{expectation.atomic} is {verdict}: {reason}"
                    raise NotProven(f"the rule does not meet its expectations as it is: {said}", hint="Mend it first.")

    def judge(self, mutation: Mutation) -> MutantResult:
        """What becomes of one mutant."""
        at = str(self.rule.at(mutation.line, mutation.column))
        if is_subsumed(mutation, self.rule.query):
            return MutantResult(mutation, at, "equivalent", suggestion="another element matches all that this one does")
        mutant = self.rule.with_query(mutation.query)
        try:
            columns = self._cases[0][0].columns(mutant.query)
        except QueryFailed as error:
            return MutantResult(mutation, at, "invalid", suggestion=error.message)
        killers = self._killers(mutant, columns)
        if killers:
            return MutantResult(mutation, at, "killed", killers)
        return MutantResult(mutation, at, "live", suggestion=_suggest(mutation))

    def _killers(self, mutant: Rule, columns: dict[str, str]) -> list[str]:
        killers = ["lint"] if missing_columns(mutant, columns) else []
        for engine, chosen in self._cases:
            for expectation in chosen:
                if expectation.atomic not in killers and self._minds(engine, replace(expectation, rule=mutant)):
                    killers.append(expectation.atomic)
        return killers if self._alerts(mutant) == self._background else [*killers, "background"]

    def _minds(self, engine: Engine, expectation: Expectation) -> bool:
        try:
            return not judge_rule(expectation, engine, expectation.atomic)[0].as_expected
        except QueryFailed:  # what the expectation asks of the rows can't be asked any more
            return True

    def _alerts(self, rule: Rule) -> list[int]:
        return [len(engine.query(rule.query, BACKGROUND)) for engine, _ in self._cases]


_bench: _Bench | None = None


def _begin(rule: Path, expectations: Path, recordings: list[Path]) -> None:
    global _bench  # one for each worker process: loading the recordings takes longer than judging a mutant
    _bench = _Bench(rule, expectations, recordings)


def _judge(mutation: Mutation) -> MutantResult:
    assert _bench is not None
    return _bench.judge(mutation)


def _suggest(mutation: Mutation) -> str:
    """What an atomic must do to kill a live mutant."""
    part = mutation.before.strip().strip(",").strip()
    match mutation.operator:
        case "drop-literal":
            return f"an atomic that matches {part}, and no other element of that list"
        case "drop-where":
            return "a benign run that only this condition keeps from firing"
        case "negate-flag" | "fix-flag":
            return f"an atomic whose expected flag is {'false' if mutation.after == 'true' else 'true'} here"
        case "change-operator":
            return f"an atomic that {part} and {mutation.after} tell apart"
        case "shrink-window":
            return "a recording in which the attack is older than the shortened window"
        case "drop-column":
            return f"an entity mapping or a custom detail that needs {part}, or drop the column"
        case _:
            return "an atomic whose row depends on this literal"
