"""What a live run says while it goes on: lines without a terminal, and on one a bar that counts what is judged."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.events import AtomicStarted, Judged, JudgingStarted, LabStep, RecordingSealed
from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.atomic_result import AtomicResult
from harness.recording import open_recording
from harness.report.live_console import LiveConsole
from tests.conftest import COMMITTED, EXPECTATIONS


@pytest.fixture(scope="module")
def results() -> list[AtomicResult]:
    """Three that are proven."""
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS)).results


def test_without_a_terminal_progress_is_plain_lines(results: list[AtomicResult]) -> None:
    out = io.StringIO()
    with LiveConsole(Console(file=out, width=80)) as live:
        live(LabStep("docker", "starting"))
        live(LabStep("docker", "ready", "managed 20.10"))
        live(AtomicStarted("T1/a"))
        live(JudgingStarted(1))
        live(Judged(results[0]))
    assert out.getvalue().splitlines() == ["ok      docker          managed 20.10"]


def test_on_a_terminal_what_is_judged_is_counted_and_the_rest_goes_on(results: list[AtomicResult]) -> None:
    out = io.StringIO()
    with LiveConsole(Console(file=out, width=80, force_terminal=True, color_system=None)) as live:
        for _ in range(2):  # as with --repeat
            live(RecordingSealed("r"))
            live(JudgingStarted(len(results)))
            for number, result in enumerate(results, 1):
                live(Judged(result))
                assert (live._bar is None) == (number == len(results))
            live(LabStep("audit", "starting"))
    said = out.getvalue()
    assert "0 of 3" in said
    assert "3 of 3" in said
    assert said.count("ok      recording       r") == 2


def test_a_judging_that_breaks_off_leaves_no_bar(results: list[AtomicResult]) -> None:
    out = io.StringIO()
    with LiveConsole(Console(file=out, width=80, force_terminal=True, color_system=None)) as live:
        live(JudgingStarted(3))
        live(Judged(results[0]))
    assert live._bar is None
    assert out.getvalue().endswith("\x1b[2K")  # the line is empty again
