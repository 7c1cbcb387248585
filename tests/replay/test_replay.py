"""Many recordings at once give what each gives alone, and an error in one of them is told with all others."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InvalidInput, LivefireError, NothingSelected, RecordingDamaged, RecordingsFailed
from harness.files.expectation_file import load_expectations
from harness.judge import lint
from harness.judge.lint import Sound
from harness.judge.prove import prove
from harness.judge.rule_proof import settled
from harness.judge.side_by_side import prove_all
from harness.model.expectation import Expectation
from harness.model.manifest import Manifest
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.recording import open_recording
from harness.report.describe import tables_read
from harness.study.nights.latency import timed
from tests.conftest import COMMITTED, EXPECTATIONS, Resealed, main_job_rule

CHANGING = {"started", "finished", "copy_of", "proofs"}


def said(result: Result) -> dict[str, object]:
    return result.model_dump(exclude=CHANGING)


@pytest.fixture
def broken(tmp_path: Path) -> list[Path]:
    """Four recordings: a good one, one with a changed byte, one that is unfinished, and a good one."""
    paths = [Path(shutil.copytree(COMMITTED, tmp_path / name)) for name in "abcd"]
    (paths[1] / "raw/auditd.log").write_text("x")
    (paths[2] / "seal").unlink()
    return paths


def test_each_result_is_what_its_recording_gives_alone_and_in_order(resealed: Resealed, tmp_path: Path) -> None:
    expectations = load_expectations(main_job_rule(tmp_path))

    def skip(manifest: Manifest) -> Manifest:
        gone = manifest.detonations[0].model_copy(update={"skipped": "no docker", "attack": None})
        return manifest.model_copy(update={"detonations": [gone, *manifest.detonations[1:]]})

    paths = [COMMITTED, resealed(manifest=skip).path, COMMITTED, resealed().path, COMMITTED]
    told: list[tuple[int, int]] = []
    results = prove_all(paths, expectations, workers=2, progress=lambda done, total: told.append((done, total)))
    assert [result.recording for result in results] == [str(path) for path in paths]
    assert [result.copy_of for result in results] == ["", *[str(COMMITTED)] * 4]
    assert [said(r) for r in results] == [
        said(r) for r in settled([prove(open_recording(p), expectations) for p in paths])
    ]
    assert [r.results[0].verdict for r in results][1] is Verdict.SKIPPED
    assert told == [(number, 5) for number in range(6)]


def test_of_one_recording_it_is_told_what_is_judged_in_it(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    prove_all([COMMITTED], load_expectations(main_job_rule(tmp_path)), progress=lambda *said: told.append(said))
    assert told == [(number, 3) for number in range(4)]


def test_a_recording_that_has_canaries_of_another_counts_as_none(resealed: Resealed, tmp_path: Path) -> None:
    """Be it the same, or one that was changed: of both, the first is a capture."""
    expectations = load_expectations(main_job_rule(tmp_path))

    def another(manifest: Manifest) -> Manifest:
        """Another run, by its name, with all marks of the first but one."""
        first, *sensors = manifest.sensors
        marks = [first.marks[0].model_copy(update={"token": "livefire-canary-0123456789abcdef"}), *first.marks[1:]]
        return manifest.model_copy(
            update={"run_id": "0123456789ab", "sensors": [first.model_copy(update={"marks": marks}), *sensors]}
        )

    other = resealed(manifest=another)
    one, two, same = prove_all([COMMITTED, other.path, COMMITTED], expectations, workers=1, from_raw=True)
    assert (one.copy_of, two.copy_of, same.copy_of) == ("", str(COMMITTED), str(COMMITTED))
    assert {proof.attacks for proof in one.proofs} == {3}
    assert tables_read(two).startswith(f"it has canaries of {COMMITTED}, so it is no capture of its own")
    assert timed([one, two, same]) == timed([one])


def test_from_raw_reaches_the_workers(resealed: Resealed, tmp_path: Path) -> None:
    """Tables that say something else than the raw logs do: refused, and then the raw logs decide."""
    expectations = load_expectations(main_job_rule(tmp_path))
    failed = {"raw/docker-events.jsonl": lambda lines: [x.replace('"exitCode": "0"', '"exitCode": "1"') for x in lines]}
    changed = resealed(failed).path
    with pytest.raises(RecordingsFailed, match=r"docker-events\.jsonl: the stored DockerDaemon_CL doesn't follow"):
        prove_all([changed, changed], expectations, workers=2)
    rebuilt = prove_all([changed, changed], expectations, workers=2, from_raw=True)
    assert {(result.tables_from, *result.tables_differ) for result in rebuilt} == {("raw logs", "DockerDaemon_CL")}
    assert {result.results[0].verdict for result in rebuilt} == {Verdict.NOT_EXECUTED}


def test_every_error_is_told_by_its_path_and_nothing_is_judged(broken: list[Path], tmp_path: Path) -> None:
    with pytest.raises(RecordingsFailed) as caught:
        prove_all(broken, load_expectations(EXPECTATIONS), workers=2)
    text = str(caught.value)
    assert f"{broken[1] / 'raw/auditd.log'}: does not match its hash" in text
    assert f"{broken[2]}: not sealed" in text
    assert "2 of 4 recordings can't be judged. Nothing was written." in text
    assert caught.value.exit_code == 2


def test_a_mistake_in_a_rule_is_told_once(tmp_path: Path) -> None:
    path = main_job_rule(tmp_path)
    rule = path.with_name("container-cli-api.yaml")
    rule.write_text(rule.read_text().replace("| sort by Timestamp desc", "| sortby Timestamp"))
    with pytest.raises(LivefireError) as caught:
        prove_all([COMMITTED] * 6, load_expectations(path), workers=2)
    assert not isinstance(caught.value, RecordingsFailed)
    assert str(caught.value).count(f"{rule}:") == 1


def test_one_recording_without_the_atomics_among_others_is_an_error(resealed: Resealed) -> None:
    empty = resealed(manifest=lambda m: m.model_copy(update={"detonations": []})).path
    with pytest.raises(RecordingsFailed) as caught:
        prove_all([COMMITTED, empty], load_expectations(EXPECTATIONS))
    assert caught.value.exit_code == NothingSelected.exit_code
    assert str(empty) in str(caught.value)


def test_nothing_is_nothing() -> None:
    assert prove_all([], load_expectations(EXPECTATIONS)) == []


def test_an_expectation_is_checked_once_for_all_recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    checked: list[int] = []
    check = lint.check

    def counted(found: list[Expectation], *more: Any) -> list[LivefireError]:
        checked.append(len(found))
        return check(found, *more)

    monkeypatch.setattr(lint, "check", counted)
    expectations, sound = load_expectations(main_job_rule(tmp_path)), Sound()
    for _ in range(3):
        prove(open_recording(COMMITTED), expectations, sound=sound)
    assert checked == [3, 0, 0]


@pytest.mark.parametrize(
    "error",
    [
        RecordingDamaged("m", hint="h"),
        InvalidInput("m", at=load_expectations(EXPECTATIONS)[0].at("flags"), hint="h"),
        NothingSelected("m"),
    ],
)
def test_an_error_comes_whole_out_of_another_process(error: LivefireError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.at, back.hint) == (type(error), str(error), error.at, error.hint)


@pytest.mark.parametrize("name", ["n*", "[n]1", "n?", "FileName=docker", "it's", 'a"b', "line\nbreak"])
def test_the_path_of_a_recording_is_no_pattern(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is the folder for what is temporary."""
    shutil.copytree(COMMITTED, tmp_path / "n1")
    shutil.copytree(COMMITTED, tmp_path / name)
    scratch = tmp_path / "scratch" / name
    scratch.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    expectations = load_expectations(EXPECTATIONS)
    plain = prove(open_recording(tmp_path / "n1"), expectations)
    for from_raw in (False, True):
        found = prove(open_recording(tmp_path / name), expectations, from_raw=from_raw)
        assert [each.verdict for each in found.results] == [each.verdict for each in plain.results]
        assert found.background.rows == plain.background.rows
