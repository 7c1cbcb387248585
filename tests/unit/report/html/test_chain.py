"""The chain: in each verdict the step that broke is the one that is marked, and only that."""

from __future__ import annotations

import pytest

from harness.model.atomic_result import AtomicResult, Fired
from harness.model.observed import SensorHealth
from harness.model.verdict import Verdict
from harness.report.describe import details
from harness.report.html import to_html
from harness.report.html.chain import BROKEN, GAP, IDLE, OK, UNKNOWN, chain
from harness.report.html.subject import seconds
from tests.unit.report.html.parsed import Page
from tests.unit.report.html.samples import PRIVILEGED, RUN, by_atomic, everything, proven, variant

SILENT = Fired(expected=True, actual=False, rows=0, expected_rows=1)


def judged(verdict: Verdict, **more: object) -> AtomicResult:
    return by_atomic(RUN).model_copy(update={"verdict": verdict, "reason": "why", **more})


def unseen(sensor: str) -> list[object]:
    return [s.model_copy(update={"seen": s.sensor != sensor}) for s in by_atomic(RUN).signals]


def wrong_flags() -> AtomicResult:
    flags = by_atomic(RUN).flags
    wrong = flags["HostMount"].model_copy(update={"actual": True})
    return judged(Verdict.WRONG_FLAGS, flags=flags | {"HostMount": wrong})


def no_effect() -> AtomicResult:
    return judged(Verdict.NOT_EXECUTED, executed=by_atomic(RUN).executed.model_copy(update={"effect": False}))


def unwell() -> AtomicResult:
    sick = SensorHealth(sensor="auditd", ok=False, problems=["3 records lost"])
    rest = [each for each in by_atomic(RUN).health if each.sensor != "auditd"]
    return judged(Verdict.INCONCLUSIVE, health=[sick, *rest])


@pytest.mark.parametrize(
    ("result", "state", "broken"),
    [
        (by_atomic(RUN), BROKEN, []),
        (no_effect(), BROKEN, ["attack"]),
        (unwell(), UNKNOWN, ["auditd"]),
        (judged(Verdict.NO_TELEMETRY, signals=unseen("docker_daemon")), BROKEN, ["docker_daemon"]),
        (judged(Verdict.RULE_SILENT, fired=SILENT), BROKEN, ["container-cli-api"]),
        (judged(Verdict.UNEXPECTED_ALERT), BROKEN, ["container-cli-api"]),
        (judged(Verdict.WRONG_FLAGS), BROKEN, ["container-cli-api"]),  # the flags are right, so the rows are not
        (wrong_flags(), BROKEN, ["4 flags"]),
        (judged(Verdict.KNOWN_GAP, fired=SILENT), GAP, ["container-cli-api"]),
        (variant(by_atomic(PRIVILEGED), "f", "n", "F"), GAP, ["4 flags"]),
    ],
)
def test_the_broken_step_is_marked(result: AtomicResult, state: object, broken: list[str]) -> None:
    steps = chain(result)
    assert [step.name for step in steps if step.state is state] == broken
    assert steps[0].layer == "exec"
    assert {step.state for step in steps} <= {state, OK, IDLE}


def test_after_the_broken_step_nothing_is_claimed() -> None:
    steps = chain(no_effect())
    assert [step.state for step in steps if step.layer in ("rule", "flags")] == [IDLE, IDLE]


def test_each_sensor_tells_how_long_it_took() -> None:
    latency = by_atomic(RUN).latency.model_copy(update={"sensors": {"auditd": 0.25}, "alert": 1.5})
    steps = {step.name: step for step in chain(by_atomic(RUN).model_copy(update={"latency": latency}))}
    assert steps["auditd"].seconds == 0.25
    assert steps["docker_daemon"].seconds is None
    assert steps["container-cli-api"].seconds == 1.5


def test_it_is_in_the_page_in_words() -> None:
    text = Page(to_html([everything()])).text
    assert "rule container-cli-api ✗ failed here silent: no row passed" in text


def test_the_timeline_has_a_column_for_each_sensor() -> None:
    table = Page(to_html([proven()])).table("Timeline: seconds after exec, by sensor")
    assert table[0][1:4] == ["auditd", "docker_daemon", "kube_audit"]
    assert [row[0] for row in table[-3:]] == ["median", "95th percentile", "longest"]
    first = by_atomic(RUN).latency.sensors
    assert table[1][1:3] == [f"{first['auditd']:.2f} s", f"{first['docker_daemon']:.2f} s"]


def test_effects_and_signals_are_counted_apart() -> None:
    steps = {step.name: step.words for step in chain(by_atomic(RUN))}
    assert steps["docker_daemon"] == "seen: effects 2/2, signals 1/1"
    assert steps["auditd"] == "seen: signals 2/2"
    lost = {step.name: step.words for step in chain(judged(Verdict.NO_TELEMETRY, signals=unseen("docker_daemon")))}
    assert lost["docker_daemon"].startswith("effects 2/2, signals 0/1; did not show: container creation")


def test_a_time_is_never_nothing() -> None:
    assert [seconds(value) for value in (None, 0.0, 0.0049, 0.0051, 1.5)] == [
        "-",
        "< 0.01 s",
        "< 0.01 s",
        "0.01 s",
        "1.50 s",
    ]


def test_a_word_that_does_not_set_its_flag_alone_is_told_in_one_way() -> None:
    base = by_atomic(PRIVILEGED)
    flag = base.flags["PrivilegedContainer"].model_copy(update={"grounds": {"--privileged": False, "--net=host": True}})
    flags = base.flags | {"PrivilegedContainer": flag}
    said = "true, but not by '--privileged' alone"
    told = f"PrivilegedContainer is {said}"
    wrong = base.model_copy(update={"verdict": Verdict.WRONG_FLAGS, "reason": told, "flags": flags})
    assert f"  flag     PrivilegedContainer: {said}" in details(wrong)
    assert chain(wrong)[-1].words == f"PrivilegedContainer: {said}"
    text = Page(to_html([proven().model_copy(update={"results": [wrong]})])).text
    assert f"WRONG_FLAGS PrivilegedContainer is {said}" in text
    assert "the rule is run over the recorded command line without the other words" in text
