"""`livefire prove`: judge recordings."""

from __future__ import annotations

from pathlib import Path

from harness.cli.expected import beside
from harness.cli.judging_requests import Prove
from harness.cli.outputs import Outputs
from harness.errors import NothingSelected
from harness.files.catalog import Expected, find_expectations, find_expected
from harness.files.expectation_file import load_expectations
from harness.files.read_once import Read, ReadOnce
from harness.judge.side_by_side import prove_all
from harness.judge.unjudged import unheld, without_expectations
from harness.model.expectation import Expectation
from harness.recording import find_recordings
from harness.report.progress import counting


def prove(request: Prove) -> None:
    """`livefire prove`. Raises as judge.prove does."""
    limits = request.limits
    read = ReadOnce()
    known = _expected(request.expectations, request.rule or [], read)
    expected = known.expectations
    outputs = Outputs.of(request, matrix=request.matrix)
    outputs.require_writable()
    paths = find_recordings(request.recordings)
    with counting("judging") as progress:
        results = prove_all(paths, expected, from_raw=request.from_raw, limits=limits, progress=progress)
    unjudged = [*without_expectations(known.rules_without), *unheld(expected, results)]
    outputs.report(results, unjudged, require_all=request.require_all, read=read)


def _expected(folder: Path, rules: list[Path], read: Read) -> Expected:
    """The expectations of all rules in a folder, or of these versions of some rules."""
    if not rules:
        return find_expected([folder], read)
    every = find_expectations([folder], read)
    return Expected([expectation for path in rules for expectation in _for_rule(path, every, read)], [])


def _for_rule(path: Path, expected: list[Expectation], read: Read) -> list[Expectation]:
    """The expectations of the rule that has this file's name, for this file."""
    near = beside(path)
    sources = {e.source.path for e in expected if e.rule.id == path.stem} or ({near} if near.exists() else set())
    if not sources:
        known = ", ".join(sorted({e.rule.id for e in expected}))
        raise NothingSelected(
            f"no expectations for a rule named '{path.stem}'",
            hint=f"The name of a rule is the name of its file. Known: {known}.",
        )
    return [e for source in sorted(sources) for e in load_expectations(source, path, read)]
