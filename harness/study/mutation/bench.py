"""The bench: one rule, its expectations, and an engine for each recording, to judge mutants with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import LimitMet, NothingSelected, Position
from harness.judge.blame import limited
from harness.judge.cases import cases as all_cases
from harness.judge.effect import effect_of
from harness.judge.likeness import compare
from harness.judge.lint import missing_columns
from harness.judge.loading import load
from harness.judge.rule_answer import judge_rule, prepare
from harness.kql.engine import QueryFailed
from harness.kql.engine_choice import new_workspace
from harness.kql.limits import Limits
from harness.kql.workspace import Workspace
from harness.model.expectation import Expectation
from harness.model.mutants import Mutant, Status
from harness.model.rule import Rule
from harness.recording import Recording, canaries, copies, open_recording
from harness.study.mutation.equivalence import equivalence
from harness.study.mutation.operators import Mutation
from harness.study.mutation.suggestion import suggest
from harness.study.mutation.window import Window, window
from harness.telemetry.schema import BACKGROUND


@dataclass(frozen=True)
class Case:
    """A recording, and the expectations of its atomics and their variants."""

    recording: Recording
    expectations: list[Expectation]


def cases(expectations: Sequence[Expectation], recordings: list[Path]) -> list[Case]:
    """The recordings with their expectations. Raises NothingSelected where no recording holds any such atomic."""
    opened = [open_recording(path) for path in recordings]
    copied = copies([canaries(recording.manifest) for recording in opened])
    chosen = [_case(expectations, recording) for place, recording in enumerate(opened) if place not in copied]
    if not any(case.expectations for case in chosen):
        path = expectations[0].source.path
        raise NothingSelected(f"no recording holds an atomic that {path} has expectations for")
    return chosen


def _case(expectations: Sequence[Expectation], recording: Recording) -> Case:
    """A recording with the expectations of the atomics that were run; of a variant, where its atomic was run, too."""
    ran = {detonation.atomic for detonation in recording.manifest.detonations if detonation.attack}
    of_run = [c.expectation for c in all_cases(recording.manifest, expectations) if c.detonation.atomic in ran]
    return Case(recording, [e for e in of_run if e.variant is None or e.variant.of in ran])


@dataclass(frozen=True)
class _Stand:
    """One recording in an engine. `background` is how many alerts the rule itself raises in the background."""

    workspace: Workspace
    expectations: list[Expectation]
    slices: list[str]
    background: int
    window: Window


def mutant_of(mutation: Mutation, at: Position, status: Status, **more: Any) -> Mutant:
    """A mutant for the report."""
    change = {name: getattr(mutation, name) for name in ("operator", "line", "column", "before", "after")}
    return Mutant(**change, at=str(at), status=status, **more)


class Bench:
    """Judges mutants of one rule. A mutant that works row by row is executed once over all slices."""

    def __init__(self, rule: Rule, given: list[Case], limits: Limits) -> None:
        """Raises QueryFailed for a rule that does not run, LimitMet for one that exceeds a limit."""
        self._rule = rule
        self._stands = []
        for case in given:
            with limited(case.expectations):
                self._stands.append(_stand(rule, case, limits))

    def unmet(self) -> str:
        """The first expectation that the rule itself does not meet, and why; empty where it meets all."""
        for stand in self._stands:
            for expectation in stand.expectations:
                with limited([expectation]):
                    verdict, reason = judge_rule(expectation, stand.workspace, expectation.atomic)
                if not verdict.as_expected:
                    return f"{expectation.atomic} is {verdict}: {reason}"
        return ""

    def judge(self, mutation: Mutation) -> Mutant:
        """Judge one mutant. Raises LimitMet where the engine was lost."""
        at = self._rule.at(mutation.line, mutation.column)
        if why := equivalence(mutation, self._rule.query):
            return mutant_of(mutation, at, "equivalent", suggestion=why)
        mutant = self._rule.with_query(mutation.query)
        try:
            return self._tried(mutation, mutant, at)
        except QueryFailed as error:
            return mutant_of(mutation, at, "invalid", suggestion=error.message)
        except LimitMet as error:
            if error.lost:  # the engine can't be used any more
                error.at = at
                raise
            return mutant_of(mutation, at, "invalid", suggestion=error.message)

    def _tried(self, mutation: Mutation, mutant: Rule, at: Position) -> Mutant:
        workspace = self._stands[0].workspace
        workspace.query(mutant.query, BACKGROUND)
        columns = workspace.columns(mutant.query)
        killers = ["lint"] if missing_columns(mutant, columns) else []
        for stand in self._stands:
            killers += [killer for killer in _killers(stand, mutant) if killer not in killers]
        if killers:
            return mutant_of(mutation, at, "killed", killed_by=killers)
        return mutant_of(mutation, at, "live", suggestion=suggest(mutation))


def _stand(rule: Rule, case: Case, limits: Limits) -> _Stand:
    manifest = case.recording.manifest
    workspace = new_workspace(manifest.finished, limits)
    load(workspace, case.recording)
    expectations = [expectation for expectation in case.expectations if _did_the_same(expectation, workspace)]
    prepare(expectations, workspace)
    slices = [*(expectation.atomic for expectation in expectations), BACKGROUND]
    background = len(workspace.query(rule.query, BACKGROUND))
    kept = window(rule, workspace, slices, manifest.started, manifest.finished)
    return _Stand(workspace, expectations, slices, background, kept)


def _did_the_same(expectation: Expectation, workspace: Workspace) -> bool:
    """Whether a rule can be judged by it: a variant must have the effect of its atomic."""
    variant = expectation.variant
    if variant is None:
        return True
    return compare(effect_of(workspace, variant.of), effect_of(workspace, variant.id))[0] in ("identical", "covers")


def _killers(stand: _Stand, mutant: Rule) -> list[str]:
    killers = [e.atomic for e in stand.expectations if _unmet(stand.workspace, replace(e, rule=mutant))]
    if _background(stand.workspace, mutant) != stand.background:
        killers.append("background")
    if not stand.window.is_kept(mutant, stand.workspace, stand.slices):
        killers.append("window")
    return killers


def _unmet(workspace: Workspace, expectation: Expectation) -> bool:
    try:
        return not judge_rule(expectation, workspace, expectation.atomic)[0].as_expected
    except QueryFailed:  # the mutant's rows lack what the expectation asks for
        return True


def _background(workspace: Workspace, rule: Rule) -> int | None:
    try:
        return len(workspace.query(rule.query, BACKGROUND))
    except QueryFailed:
        return None
