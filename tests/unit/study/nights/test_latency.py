"""The latency of several results, by rule, atomic and layer; and verdicts that differ between them."""

from __future__ import annotations

from typing import Any

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.atomic_result import Latency, VariantResult
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.recording import open_recording
from harness.study.nights.flakes import Flake, flakes
from harness.study.nights.latency import timed
from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB, Resealed

RULE = "container-cli-api"
RUN, PRIVILEGED, SECRETS = MAIN_JOB


@pytest.fixture(scope="module")
def result() -> Result:
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))


def changed(result: Result, atomic: str, recording: str = "r", **changes: Any) -> Result:
    results = [each.model_copy(update=changes) if each.atomic == atomic else each for each in result.results]
    return result.model_copy(update={"results": results, "recording": recording})


def test_the_judge_times_each_sensor_by_the_signals_that_it_must_give(result: Result) -> None:
    for each in result.results:
        assert set(each.latency.sensors) == {signal.sensor for signal in each.signals}
        assert max(each.latency.sensors.values()) == each.latency.telemetry
        assert all(0 < seconds < 5 for seconds in each.latency.sensors.values())


def test_a_sensor_whose_arrivals_are_not_known_is_not_timed(resealed: Resealed) -> None:
    recording = resealed()  # without raw/arrivals.jsonl
    for each in prove(recording, load_expectations(EXPECTATIONS), from_raw=True).results:
        assert each.latency.telemetry is None
        assert "auditd" not in each.latency.sensors


def test_a_result_of_before_can_be_read() -> None:
    assert Latency.model_validate({"detonated": None, "telemetry": 0.5, "alert": None}).sensors == {}


def test_each_layer_by_itself(result: Result) -> None:
    times = [(0.1, 0.3, 1.0), (0.2, 0.1, 3.0), (0.3, 0.2, 2.0)]
    several = [
        changed(result, RUN, latency=Latency(telemetry=max(a, d), sensors={"auditd": a, "docker_daemon": d}, alert=x))
        for a, d, x in times
    ]
    found = {each.layer: each.spread for each in timed(several) if each.atomic == RUN}
    assert list(found) == ["auditd", "docker_daemon", "telemetry", "alert"]
    assert [(s.count, s.p50, s.max) for s in found.values()] == [
        (3, 0.2, 0.3),
        (3, 0.2, 0.3),
        (3, 0.3, 0.3),
        (3, 2.0, 3.0),
    ]
    assert {each.layer for each in timed(several) if each.atomic == SECRETS} == {"auditd", "kube_audit", "telemetry"}


def test_what_was_not_timed_counts_for_nothing(result: Result) -> None:
    several = [changed(result, RUN, latency=Latency(alert=1.0)), changed(result, RUN, latency=Latency())]
    assert [(each.layer, each.spread.count) for each in timed(several) if each.atomic == RUN] == [("alert", 1)]


def test_variants_are_left_out(result: Result) -> None:
    compared = VariantResult(of=RUN, family="f", name="n", held_out=False, equivalence="identical")
    several = [changed(result, RUN, variant=compared)]
    assert {each.atomic for each in timed(several)} == {PRIVILEGED, SECRETS}


def test_a_verdict_that_differs_is_a_flake(result: Result) -> None:
    several = [
        changed(result, RUN, "r/1"),
        changed(result, RUN, "r/2", verdict=Verdict.INCONCLUSIVE),
        changed(result, RUN, "r/3"),
    ]
    by = {Verdict.PROVEN: ["r/1", "r/3"], Verdict.INCONCLUSIVE: ["r/2"]}
    assert flakes(several) == [Flake(RULE, RUN, by)]
    assert flakes([result, result]) == []
