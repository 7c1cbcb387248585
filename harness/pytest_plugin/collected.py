"""What was collected in this process, before anything was deselected, and which recordings it covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.files.read_once import ReadOnce
from harness.judge.cases import Case, cases
from harness.judge.unjudged import without_expectations, without_rules
from harness.model.expectation import Expectation
from harness.model.result import Unjudged
from harness.model.rule import Rule
from harness.recording import Recording


class Collected:
    """The files of expectations, broken ones too, and the expectations of the sound ones."""

    def __init__(self) -> None:
        self.files: set[Path] = set()
        self.read = ReadOnce()
        self._expectations: list[Expectation] = []
        self._used: set[Path] = set()  # recordings that hold an atomic which an expectation names

    def add(self, expectation: Expectation, recordings: Iterable[Recording]) -> list[Case]:
        """Note an expectation; return the cases that it makes with these recordings."""
        self._expectations.append(expectation)
        all_cases: list[Case] = []
        for recording in recordings:
            own_cases = cases(recording.manifest, [expectation])
            if own_cases:
                self._used.add(recording.path)
            all_cases += own_cases
        return all_cases

    def unused(self, recordings: Iterable[Path]) -> list[str]:
        """The recordings that hold no atomic of any expectation; none where nothing was collected."""
        return [str(path) for path in recordings if self._expectations and path not in self._used]

    def unjudged(self, recordings: Iterable[Recording], rules: Sequence[Rule]) -> list[Unjudged]:
        """The rules without expectations, and the atomics of the recordings that no expectation names.

        Deselected expectations count here: they exist, and were not asked for.
        """
        expected = {expectation.atomic for expectation in self._expectations}
        atomics = [atomic for recording in recordings for atomic in without_rules(recording.manifest, expected)]
        return [*without_expectations(rules), *dict.fromkeys(atomics)]
