"""Replay: each recording is judged once in a session, by one of the workers, when a test first asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import LivefireError
from harness.judge.cases import cases
from harness.judge.lint import Sound
from harness.judge.prove import prove
from harness.kql.limits import Limits
from harness.model.expectation import Expectation
from harness.pytest_plugin.selection import Selected
from harness.pytest_plugin.shared import Outcome, Shared
from harness.recording import Recording, canaries, copies


@dataclass(frozen=True)
class Unit:
    """What is judged together: a recording by the expectations of some rules. `name` is the same in all workers.

    `copy_of` is another recording of the session that shares canaries with this one; empty where there is none.
    """

    name: str
    recording: Recording
    expectations: tuple[Expectation, ...]
    copy_of: str = ""

    def judges(self, expectation: Expectation) -> bool:
        """Whether the rule of this expectation is judged here."""
        return any(own.source.path == expectation.source.path for own in self.expectations)


def units(recordings: Sequence[Recording], chosen: Sequence[Selected], workers: int) -> list[Unit]:
    """Every recording with the expectations that it can be judged by.

    All rules together cost less than one by one, since they share tables and signals. So a recording is split by rules
    only where there are more `workers` than recordings.
    """
    all_units: list[Unit] = []
    of = copies([canaries(recording.manifest) for recording in recordings])
    for number, recording in enumerate(recordings):
        rules: dict[Path, list[Expectation]] = {}
        for choice in chosen:
            path = choice.expectation.source.path
            if cases(recording.manifest, [choice.expectation]) and not (choice.for_its_rule and path in rules):
                rules.setdefault(path, []).append(choice.expectation)
        groups = list(rules.values())
        if workers <= len(recordings):
            groups = [[expectation for group in groups for expectation in group]] if groups else []
        copied = str(recordings[of[number]].path) if number in of else ""
        first = len(all_units)
        all_units += [Unit(f"unit-{first + n}", recording, tuple(group), copied) for n, group in enumerate(groups)]
    return all_units


class Judging:
    """The outcomes of a session's units. `shared` is None where there are no other workers."""

    def __init__(self, todo: list[Unit], *, from_raw: bool, limits: Limits, shared: Shared | None) -> None:
        self._units, self._limits = todo, limits
        self._from_raw = from_raw
        self._shared = shared
        self._known: dict[str, Outcome] = {}

    def of(self, expectation: Expectation) -> list[Outcome]:
        """The outcomes of judging the rule of an expectation, one for each recording."""
        return [self._outcome(unit) for unit in self._units if unit.judges(expectation)]

    def _outcome(self, unit: Unit) -> Outcome:
        if unit.name not in self._known:
            self._known[unit.name] = self._obtain(unit) if self._shared else self._judge(unit)
        return self._known[unit.name]

    def _obtain(self, needed: Unit) -> Outcome:
        """The outcome of a unit. While another worker judges it, this one judges units that no worker has begun.

        All workers have the same items, so some test needs each of these units.
        """
        assert self._shared is not None
        for unit in (needed, *self._units):
            if unit.name not in self._known and not self._shared.has(unit.name):
                self._attempt(unit, wait=False)
            if needed.name in self._known or self._shared.has(needed.name):
                break
        return self._known.get(needed.name) or self._attempt(needed, wait=True)

    def _attempt(self, unit: Unit, *, wait: bool) -> Outcome:
        assert self._shared is not None
        outcome = self._shared.once(unit.name, lambda: self._judge(unit), wait=wait)
        if outcome is not None:
            self._known[unit.name] = outcome
        return outcome or Outcome()

    def _judge(self, unit: Unit) -> Outcome:
        sound = Sound(unit.expectations)  # checked when they were collected
        try:
            expected = list(unit.expectations)
            result = prove(unit.recording, expected, from_raw=self._from_raw, sound=sound, limits=self._limits)
            return Outcome(results=[result.model_copy(update={"copy_of": unit.copy_of})])
        except LivefireError as error:
            return Outcome(error=str(error))
