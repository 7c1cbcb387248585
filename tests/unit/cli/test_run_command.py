"""`livefire run`, `evade` and `capture`, a recording in the place of a lab: what is captured and judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness import session
from harness.cli.app import app
from harness.events import RecordingSealed, Subscriber
from harness.model.atomic import Atomic
from harness.recording import Recording, open_recording
from tests.conftest import COMMITTED, MAIN_JOB, main_job_rule

Captured = list[tuple[list[str], session.CaptureOptions, Path]]


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Captured:
    """What was to be captured each time, how, and where."""
    monkeypatch.setenv("LIVEFIRE_STATE", str(tmp_path / "state"))
    calls: Captured = []

    def capture(
        atomics: Sequence[Atomic], options: session.CaptureOptions, folder: Path, subscriber: Subscriber
    ) -> Recording:
        calls.append(([atomic.id for atomic in atomics], options, folder))
        subscriber(RecordingSealed(str(folder)))
        return open_recording(COMMITTED)

    monkeypatch.setattr(session, "capture", capture)
    return calls


def livefire(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_run_captures_what_is_named_as_it_is_told_and_judges_it(captured: Captured, tmp_path: Path) -> None:
    main_job_rule(tmp_path)
    words: list[str | Path] = [
        "--docker",
        "host",
        "--timeout",
        "7",
        "--wait",
        "3",
        "--keep-lab",
        "--recording",
        tmp_path / "r",
    ]
    done = livefire("run", *MAIN_JOB, "--expectations", tmp_path, *words, "--json", "-")
    ((atomics, options, folder),) = captured
    assert set(MAIN_JOB) <= set(atomics)  # and a control
    assert folder == tmp_path / "r"
    assert (options.choice.docker, options.timeout, options.wait, options.keep_lab) == ("host", 7, 3, True)
    assert json.loads(done.stdout)["summary"] == {"PROVEN": 3}
    assert "ok      recording" in done.stderr
    assert done.exit_code == 1  # no benign run


def test_an_evasion_captures_variants_of_a_family(captured: Captured, tmp_path: Path) -> None:
    main_job_rule(tmp_path)
    livefire("evade", MAIN_JOB[1], "--family", "flag-spelling", "--expectations", tmp_path)
    ((atomics, _, _),) = captured
    assert any(name.startswith(f"{MAIN_JOB[1]}~flag-spelling.") for name in atomics)
    assert not [name for name in atomics if "~" in name and "~flag-spelling." not in name]


def test_a_capture_judges_nothing(captured: Captured, tmp_path: Path) -> None:
    done = livefire("capture", MAIN_JOB[0], "-o", tmp_path / "r")
    assert [call[0] for call in captured] == [[MAIN_JOB[0]]]
    assert (done.exit_code, done.stdout) == (0, "")


def test_a_file_that_cannot_be_written_is_said_before_anything_is_captured(captured: Captured, tmp_path: Path) -> None:
    done = livefire("run", MAIN_JOB[0], "--json", tmp_path)
    assert "this is a folder, not a file" in str(done.exception)
    assert captured == []
