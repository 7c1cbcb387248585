"""The latency and the flakes of several results on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.atomic_result import Latency
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.recording import open_recording
from harness.report.latency_text import print_flakes, print_latency
from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB


@pytest.fixture(scope="module")
def result() -> Result:
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))


def printed(results: list[Result]) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=80, highlight=False)
    print_latency(results, console)
    print_flakes(results, console)
    return out.getvalue().splitlines()


def test_figures_with_their_number_and_no_percentile_of_few(result: Result) -> None:
    slow = [each.model_copy(update={"latency": Latency(alert=12.3456)}) for each in result.results]
    lines = printed([result, result.model_copy(update={"results": slow})])
    at = lines.index("docker-privileged-container-creation")
    assert [line.split()[:2] for line in lines[at + 1 : at + 5]] == [
        ["auditd", "1"],
        ["docker_daemon", "1"],
        ["telemetry", "1"],
        ["alert", "1"],
    ]
    assert lines[at + 4].split() == ["alert", "1", "12.35", "-", "-", "12.35"]
    assert max(len(line) for line in lines) <= 80


def test_twenty_values_have_a_p95(result: Result) -> None:
    lines = printed([result] * 20)
    count, p50, p95, p99, most = next(line.split()[1:] for line in lines if line.startswith("  auditd"))
    assert (count, p50, p99) == ("20", p95, "-")
    assert p95 == most
    assert lines[-1] == "the same verdicts in all 20 recordings"


def test_a_flake_is_said_with_its_recordings(result: Result) -> None:
    results = [each.model_copy(update={"verdict": Verdict.INCONCLUSIVE}) for each in result.results[:1]]
    other = result.model_copy(update={"results": [*results, *result.results[1:]], "recording": "elsewhere"})
    lines = printed([result, other])
    at = lines.index(f"FLAKE  {MAIN_JOB[0]} [container-cli-api]")
    assert lines[at + 1].startswith("  1 x PROVEN: ")
    assert lines[at + 2] == "  1 x INCONCLUSIVE: elsewhere"
    assert lines[-1] == "1 verdict differs between 2 recordings"


def test_recordings_of_different_atomics_have_nothing_to_differ_in(result: Result) -> None:
    first, other = (result.model_copy(update={"results": part}) for part in (result.results[:1], result.results[1:]))
    assert not any("verdict" in line for line in printed([first, other]))
