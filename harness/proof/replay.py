"""Many recordings judged side by side. In each process the rules are checked and translated once, not once a recording.

All or nothing: a result without one of its recordings would look whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path

from harness.errors import InvalidFiles, LivefireError, RecordingsFailed
from harness.model.expectation import Expectation
from harness.model.result import Result
from harness.proof.lint import Sound
from harness.proof.prove import prove
from harness.proof.rule_proof import settled
from harness.proof.workers import workers as pool_of
from harness.recording import open_recording

Progress = Callable[[int, int], None]


def prove_all(
    recordings: Sequence[Path],
    expectations: list[Expectation],
    *,
    from_raw: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
) -> list[Result]:
    """The result of each recording, in their order. One is judged in this process, several in `workers` processes.

    Raises RecordingsFailed with every error of every recording, and nothing is judged then; a mistake in a rule or an
    expectation is raised as soon as it is met: it would be the same for all.
    """
    if len(recordings) == 1:
        return settled([prove(open_recording(recordings[0]), expectations, from_raw=from_raw)])
    if not recordings:
        return []
    with pool_of(_begin, (expectations, from_raw), most=len(recordings), wanted=workers) as pool:
        try:
            found = _collect(pool, recordings, _files(expectations), progress)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    problems = [each for each in found if isinstance(each, LivefireError)]
    if problems:
        raise RecordingsFailed(problems, len(recordings))
    return settled([each for each in found if isinstance(each, Result)])


def _collect(
    pool: ProcessPoolExecutor, recordings: Sequence[Path], rules: set[Path], progress: Progress
) -> list[Result | LivefireError]:
    judging: list[Future[Result | LivefireError]] = [pool.submit(_judge, path) for path in recordings]
    for done, future in enumerate(as_completed(judging), 1):
        answer = future.result()
        if isinstance(answer, LivefireError) and _is_of(answer, rules):
            raise answer
        progress(done, len(judging))
    return [future.result() for future in judging]


def _files(expectations: list[Expectation]) -> set[Path]:
    return {path for each in expectations for path in (each.rule.path, each.source.path)}


def _is_of(error: LivefireError, files: set[Path]) -> bool:
    """Whether a mistake is in one of these files."""
    first = error.problems[0] if isinstance(error, InvalidFiles) else error
    return first.at is not None and first.at.path in files


# one for each worker process
_given: tuple[list[Expectation], bool] = ([], False)
_sound = Sound()


def _begin(expectations: list[Expectation], from_raw: bool) -> None:
    global _given, _sound
    _given, _sound = (expectations, from_raw), Sound()


def _judge(path: Path) -> Result | LivefireError:
    """The result, or what keeps it from being had: an error of one recording is no reason to leave the others."""
    expectations, from_raw = _given
    try:
        return prove(open_recording(path), expectations, from_raw=from_raw, sound=_sound, threads=1)
    except LivefireError as error:
        return error
