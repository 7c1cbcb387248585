"""Replay: each recording is judged once in a session, however many workers there are, when a test first asks."""

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
    """What is judged in one go: a recording by the expectations of some rules. `name` is the same in all workers.

    `copy_of` is another recording of the session that has some of the same canaries; empty where there is none.
    """

    name: str
    recording: Recording
    expectations: tuple[Expectation, ...]
    copy_of: str = ""

    def speaks_of(self, expectation: Expectation) -> bool:
        """Whether it judges the rule of this expectation."""
        return any(each.source.path == expectation.source.path for each in self.expectations)


def units(recordings: Sequence[Recording], chosen: Sequence[Selected], workers: int) -> list[Unit]:
    """Every recording with the expectations that it can be judged by.

    All rules in one go cost less than one by one, since they share tables and signals. So they are told apart only
    where there are more `workers` than recordings.
    """
    found: list[Unit] = []
    of = copies([canaries(each.manifest) for each in recordings])
    for number, recording in enumerate(recordings):
        rules: dict[Path, list[Expectation]] = {}
        for each in chosen:
            path = each.expectation.source.path
            if cases(recording.manifest, [each.expectation]) and not (each.for_its_rule and path in rules):
                rules.setdefault(path, []).append(each.expectation)
        parts = list(rules.values())
        if workers <= len(recordings):
            parts = [[each for part in parts for each in part]] if parts else []
        copied = str(recordings[of[number]].path) if number in of else ""
        found += [Unit(f"unit-{len(found) + n}", recording, tuple(part), copied) for n, part in enumerate(parts)]
    return found


class Judging:
    """The outcomes of a session's units. `shared` is None where there are no other workers."""

    def __init__(self, todo: list[Unit], *, from_raw: bool, limits: Limits, shared: Shared | None) -> None:
        self._units, self._limits = todo, limits
        self._from_raw = from_raw
        self._shared = shared
        self._known: dict[str, Outcome] = {}

    def of(self, expectation: Expectation) -> list[Outcome]:
        """The outcomes that speak of the rule of an expectation, one for each recording."""
        return [self._outcome(unit) for unit in self._units if unit.speaks_of(expectation)]

    def _outcome(self, unit: Unit) -> Outcome:
        if unit.name not in self._known:
            self._known[unit.name] = self._obtain(unit) if self._shared else self._judge(unit)
        return self._known[unit.name]

    def _obtain(self, wanted: Unit) -> Outcome:
        """The outcome of a unit. While another worker is at it, this one does what nobody has begun.

        All workers have the same items, so whatever is done here is needed by some test.
        """
        assert self._shared is not None
        for unit in (wanted, *self._units):
            if unit.name not in self._known and not self._shared.has(unit.name):
                self._attempt(unit, wait=False)
            if wanted.name in self._known or self._shared.has(wanted.name):
                break
        return self._known.get(wanted.name) or self._attempt(wanted, wait=True)

    def _attempt(self, unit: Unit, *, wait: bool) -> Outcome:
        assert self._shared is not None
        found = self._shared.once(unit.name, lambda: self._judge(unit), wait=wait)
        if found is not None:
            self._known[unit.name] = found
        return found or Outcome()

    def _judge(self, unit: Unit) -> Outcome:
        sound = Sound(unit.expectations)  # they were checked when they were collected
        try:
            expected = list(unit.expectations)
            result = prove(unit.recording, expected, from_raw=self._from_raw, sound=sound, limits=self._limits)
            return Outcome(results=[result.model_copy(update={"copy_of": unit.copy_of})])
        except LivefireError as error:
            return Outcome(error=str(error))
