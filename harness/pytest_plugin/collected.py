"""What was collected in this process, before anything was deselected: what speaks of which recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.judge.cases import Case, cases
from harness.judge.unjudged import without_expectations, without_rules
from harness.model.expectation import Expectation
from harness.model.result import Unjudged
from harness.model.rule import Rule
from harness.recording import Recording


class Collected:
    """The files of expectations, broken ones too, and what the sound ones expect."""

    def __init__(self) -> None:
        self.files: set[Path] = set()
        self._expectations: list[Expectation] = []
        self._spoken_of: set[Path] = set()  # recordings that hold an atomic which an expectation names

    def add(self, expectation: Expectation, recordings: Iterable[Recording]) -> list[Case]:
        """Note an expectation; returns what is to be judged by it."""
        self._expectations.append(expectation)
        found: list[Case] = []
        for recording in recordings:
            held = cases(recording.manifest, [expectation])
            if held:
                self._spoken_of.add(recording.path)
            found += held
        return found

    def unused(self, recordings: Iterable[Path]) -> list[str]:
        """The recordings of which no expectation speaks; none where nothing was collected."""
        return [str(path) for path in recordings if self._expectations and path not in self._spoken_of]

    def unjudged(self, recordings: Iterable[Recording], rules: Sequence[Rule]) -> list[Unjudged]:
        """The atomics of the recordings, and these rules, of which nothing is expected.

        What was deselected is expected, and was not asked for: it is none of this.
        """
        expected = {each.atomic for each in self._expectations}
        found = [each for recording in recordings for each in without_rules(recording.manifest, expected)]
        return [*without_expectations(rules), *dict.fromkeys(found)]
