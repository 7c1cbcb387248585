"""Judges many recordings side by side. Each process checks and translates the rules once, for all its recordings.

One failed recording fails all: results without it would look complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import InvalidFiles, LivefireError, RecordingsFailed
from harness.events import Event, Judged, JudgingStarted, Subscriber
from harness.judge.lint import Sound
from harness.judge.prove import prove
from harness.judge.rule_proof import settled
from harness.judge.workers import side_by_side
from harness.kql.limits import Limits
from harness.model.expectation import Expectation
from harness.model.result import Result
from harness.recording import canaries, copies, open_recording

Progress = Callable[[int, int], None]
_Answer = tuple[Result, frozenset[str]] | LivefireError


def prove_all(
    recordings: Sequence[Path],
    expectations: list[Expectation],
    *,
    from_raw: bool = False,
    limits: Limits = Limits(),
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
) -> list[Result]:
    """The result of each recording, in their order. One is judged in this process, several in `workers` processes.

    Raises RecordingsFailed with the errors of all recordings. A mistake in a rule or an expectation is raised at once,
    since it is the same for all. The result of a recording with the canaries of an earlier one is marked as its copy,
    and proves nothing.

    `progress` gets the number that is done and the total: of recordings, or of cases if there is one recording.
    """
    if len(recordings) == 1:
        recording, subscriber = open_recording(recordings[0]), _counted(progress)
        return settled([prove(recording, expectations, from_raw=from_raw, limits=limits, subscriber=subscriber)])
    if not recordings:
        return []
    given = (expectations, from_raw, replace(limits, threads=1))
    with side_by_side(_begin, given, [(_judge, (path,)) for path in recordings], processes=workers) as answers:
        collected = _collect(answers, len(recordings), _files(expectations), progress)
    problems = [answer for answer in collected if isinstance(answer, LivefireError)]
    if problems:
        raise RecordingsFailed(problems, len(recordings))
    judged = [answer for answer in collected if isinstance(answer, tuple)]
    of = copies([tokens for _, tokens in judged])
    names = {place: judged[first][0].recording for place, first in of.items()}
    return settled([r.model_copy(update={"copy_of": names.get(n, "")}) for n, (r, _) in enumerate(judged)])


def _counted(progress: Progress) -> Subscriber:
    """A subscriber that reports the progress of one recording."""
    done = total = 0

    def take(event: Event) -> None:
        nonlocal done, total
        match event:
            case JudgingStarted(cases):
                done, total = 0, cases
            case Judged():
                done += 1
        progress(done, total)

    return take


def _collect(answers: Iterator[tuple[int, _Answer]], count: int, rules: set[Path], progress: Progress) -> list[_Answer]:
    collected: dict[int, _Answer] = {}
    progress(0, count)
    for number, answer in answers:
        if isinstance(answer, LivefireError) and _is_of(answer, rules):
            raise answer
        collected[number] = answer
        progress(len(collected), count)
    return [collected[number] for number in range(count)]


def _files(expectations: list[Expectation]) -> set[Path]:
    return {path for expectation in expectations for path in (expectation.rule.path, expectation.source.path)}


def _is_of(error: LivefireError, files: set[Path]) -> bool:
    """Whether an error is in one of these files."""
    first = error.problems[0] if isinstance(error, InvalidFiles) else error
    return first.at is not None and first.at.path in files


# one for each worker process
_given: tuple[list[Expectation], bool, Limits] = ([], False, Limits())
_sound = Sound()


def _begin(expectations: list[Expectation], from_raw: bool, limits: Limits) -> None:
    global _given, _sound
    _given, _sound = (expectations, from_raw, limits), Sound()


def _judge(path: Path) -> _Answer:
    """The result and the recording's canaries, or the error, so that the other recordings are still judged."""
    expectations, from_raw, limits = _given
    try:
        recording = open_recording(path)
        result = prove(recording, expectations, from_raw=from_raw, sound=_sound, limits=limits)
        return result, canaries(recording.manifest)
    except LivefireError as error:
        return error
