"""The bench: one rule, its expectations, and an engine for each recording, by which mutants are judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import LimitMet, NothingSelected, Position
from harness.files.expectation_file import load_expectations
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
    """A recording, and what is expected of the atomics in it, their variants among them."""

    recording: Recording
    expectations: list[Expectation]


def cases(rule: Path, expectations: Path, recordings: list[Path]) -> list[Case]:
    """The recordings with what is expected of them. Raises NothingSelected when none holds any such atomic."""
    every, found = load_expectations(expectations, rule), []
    opened = [open_recording(path) for path in recordings]
    copied = copies([canaries(each.manifest) for each in opened])
    for recording in (each for place, each in enumerate(opened) if place not in copied):
        ran = {each.atomic for each in recording.manifest.detonations if each.attack}
        chosen = [case.expectation for case in all_cases(recording.manifest, every) if case.detonation.atomic in ran]
        found.append(Case(recording, [each for each in chosen if each.variant is None or each.variant.of in ran]))
    if not any(case.expectations for case in found):
        raise NothingSelected(f"no recording holds an atomic that {expectations} expects anything of")
    return found


@dataclass(frozen=True)
class _Stand:
    """One recording, ready: `background` is how many alerts the rule itself raises there."""

    workspace: Workspace
    expectations: list[Expectation]
    slices: list[str]
    background: int
    window: Window


def mutant_of(mutation: Mutation, at: Position, status: Status, **more: Any) -> Mutant:
    """A mutant as it is written down."""
    change = {name: getattr(mutation, name) for name in ("operator", "line", "column", "before", "after")}
    return Mutant(**change, at=str(at), status=status, **more)


class Bench:
    """Judges mutants of one rule. Each is executed once over all slices, if it works row by row."""

    def __init__(self, rule: Rule, found: list[Case], limits: Limits) -> None:
        """Raises QueryFailed for a rule that does not run, LimitMet for one that takes more than it may."""
        self._rule = rule
        self._stands = []
        for case in found:
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
        """What becomes of one mutant."""
        at = self._rule.at(mutation.line, mutation.column)
        if why := equivalence(mutation, self._rule.query):
            return mutant_of(mutation, at, "equivalent", suggestion=why)
        mutant = self._rule.with_query(mutation.query)
        try:
            return self._asked(mutation, mutant, at)
        except QueryFailed as error:
            return mutant_of(mutation, at, "invalid", suggestion=error.message)
        except LimitMet as error:
            if error.lost:  # the engine is of no more use
                error.at = at
                raise
            return mutant_of(mutation, at, "invalid", suggestion=error.message)

    def _asked(self, mutation: Mutation, mutant: Rule, at: Position) -> Mutant:
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
    expectations = [each for each in case.expectations if _did_the_same(each, workspace)]
    prepare(expectations, workspace)
    slices = [*(expectation.atomic for expectation in expectations), BACKGROUND]
    background = len(workspace.query(rule.query, BACKGROUND))
    kept = window(rule, workspace, slices, manifest.started, manifest.finished)
    return _Stand(workspace, expectations, slices, background, kept)


def _did_the_same(expectation: Expectation, workspace: Workspace) -> bool:
    """Whether there is anything to judge a rule by: of a variant, that it did what its atomic does."""
    variant = expectation.variant
    if variant is None:
        return True
    return compare(effect_of(workspace, variant.of), effect_of(workspace, variant.id))[0] in ("identical", "covers")


def _killers(stand: _Stand, mutant: Rule) -> list[str]:
    killers = [e.atomic for e in stand.expectations if _minds(stand.workspace, replace(e, rule=mutant))]
    if _background(stand.workspace, mutant) != stand.background:
        killers.append("background")
    if not stand.window.is_kept(mutant, stand.workspace, stand.slices):
        killers.append("window")
    return killers


def _minds(workspace: Workspace, expectation: Expectation) -> bool:
    try:
        return not judge_rule(expectation, workspace, expectation.atomic)[0].as_expected
    except QueryFailed:  # what the expectation asks of the rows can't be asked any more
        return True


def _background(workspace: Workspace, rule: Rule) -> int | None:
    try:
        return len(workspace.query(rule.query, BACKGROUND))
    except QueryFailed:
        return None
