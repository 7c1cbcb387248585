"""What the judge gathers of an atomic, and what it says of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from harness.judge.judge import Judge
from harness.model.atomic_result import Alert, AtomicResult, Fired, Flag, Inputs, Latency
from harness.model.expectation import Companion, Signal
from harness.model.manifest import BACKGROUND
from harness.model.observed import Evidence, Executed, SensorHealth, SignalResult
from harness.model.verdict import Verdict
from harness.telemetry.schema import ambiguous
from tests.unit.judge.world import (
    BARE,
    BEGIN,
    EXECUTED,
    FIRST,
    LISTED,
    QUERY,
    RUN,
    STARTED,
    USUAL,
    WELL,
    World,
    attack,
    detonated,
    event,
    expecting,
    process,
    request,
)
from tests.unit.kql.workspaces import workspace_of


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_all_that_is_told_of_an_attack(world: World) -> None:
    expectation = expecting(may_skip="no docker")
    line = Evidence(
        record="raw/auditd.log:7",
        table="DeviceProcessEvents",
        facts={"FileName": "docker", "ProcessCommandLine": RUN},
    )
    daemon = Evidence(
        record="raw/docker-events.jsonl:3", table="DockerDaemon_CL", facts={"Source": "event", "Action": "start"}
    )
    started = SignalResult(
        name="it started", sensor="docker_daemon", sensors=["docker_daemon"], seen=True, evidence=[daemon]
    )
    assert world.judge(expectation, detonation=detonated(attack=attack(survivors=[9]))) == AtomicResult(
        atomic="T1/a",
        guid=FIRST.guid,
        name=FIRST.name,
        technique="T1059.013",
        rule="container-cli-api",
        at=str(expectation.at()),
        inputs=Inputs(rule=expectation.rule.digest, expectation=expectation.digest),
        verdict=Verdict.PROVEN,
        reason="executed, seen, fired, and exactly these flags",
        executed=Executed(
            ran=True,
            effect=True,
            command="docker run --rm livefire/busybox:local whoami",
            pid=7192,
            session=295,
            exit_code=0,
            survivors=[9],
            oracle=[started],
        ),
        health=[SensorHealth(sensor="auditd", ok=True), SensorHealth(sensor="docker_daemon", ok=True)],
        signals=[
            SignalResult(name="docker was executed", sensor="auditd", sensors=["auditd"], seen=True, evidence=[line])
        ],
        fired=Fired(expected=True, actual=True, rows=1, expected_rows=1),
        flags={"Root": Flag(expected=True, actual=True)},
        alerts=[Alert(row={"FileName": "docker", "ProcessCommandLine": RUN, "Root": True}, evidence=[line])],
        latency=Latency(detonated=attack().started, telemetry=0.25, sensors={"auditd": 0.25}),
        may_skip="no docker",
    )


def test_companions_are_counted_and_are_no_alerts(world: World) -> None:
    wrapper = Companion(reason="a shell", where='ProcessCommandLine startswith "docker -c"')
    rows = [process(f"docker -c {RUN}", "raw/auditd.log:6"), *USUAL]
    found = world.judge(expecting(companions=(wrapper,)), rows)
    assert (found.fired.rows, found.fired.companions, found.verdict) == (1, 1, Verdict.PROVEN)
    assert [each.row["ProcessCommandLine"] for each in found.alerts] == [RUN]


def test_an_effect_that_was_not_seen(world: World) -> None:
    never = Signal(name="it died", kql='DockerDaemon_CL | where Action == "die"')
    found = world.judge(expecting(oracle=[STARTED, never]), detonation=detonated(attack=attack(timed_out=True)))
    assert (found.verdict, found.executed.effect, found.executed.timed_out) == (Verdict.NOT_EXECUTED, False, True)
    assert [each.seen for each in found.executed.oracle] == [True, False]
    assert found.executed.oracle[1].evidence == []


def test_an_attack_that_was_ended_since_the_lab_died(world: World) -> None:
    never = Signal(name="it died", kql='DockerDaemon_CL | where Action == "die"')
    given_up = detonated(attack=attack(given_up="dockerd is dead"))
    found = world.judge(expecting(oracle=[never]), detonation=given_up)
    assert (found.verdict, found.executed.given_up) == (Verdict.INCONCLUSIVE, "dockerd is dead")


@pytest.mark.parametrize(("others", "verdict"), [(0, Verdict.PROVEN), (2, Verdict.RULE_SILENT)])
def test_a_rule_that_fires_only_where_no_other_rows_stand_beside(world: World, others: int, verdict: Verdict) -> None:
    few = QUERY + "| where toscalar(DeviceProcessEvents | count) < 4"
    beside = [process("top", f"raw/auditd.log:{number}") for number in range(others)]
    found = world.judge(expecting(few), {"T1/a": USUAL, BACKGROUND: beside})
    assert (found.verdict, found.fired.actual) == (verdict, True)
    assert others == 0 or found.reason.startswith("it fires on the attack's rows alone")


def test_without_an_oracle_no_effect_is_claimed(world: World) -> None:
    found = world.judge(expecting(oracle=[LISTED]))
    assert (found.verdict, found.executed.effect) == (Verdict.INCONCLUSIVE, False)
    assert found.reason == "it can't be judged on a lab with a bare control plane: no oracle is left"


def test_what_is_for_another_kind_of_lab_is_not_asked(world: World) -> None:
    found = world.judge(expecting(oracle=[STARTED, LISTED], signals=[EXECUTED, BARE]), [*USUAL, request("get")])
    assert [each.name for each in found.executed.oracle] == ["it started"]
    assert [each.name for each in found.signals] == ["docker was executed", "secrets were listed"]
    assert found.verdict is Verdict.PROVEN


def test_a_sensor_counts_where_oracle_signals_or_the_rule_rest_on_it(world: World) -> None:
    world.without("docker_daemon", "kube_audit")
    found = world.judge(expecting(oracle=[EXECUTED]))
    assert [each.sensor for each in found.health] == ["auditd"]
    assert found.verdict is Verdict.PROVEN
    world.without("auditd")
    found = world.judge(expecting(QUERY.replace("DeviceProcessEvents", "union DeviceProcessEvents, AKSAudit")))
    assert [each.sensor for each in found.health] == ["auditd", "kube_audit", "docker_daemon"]
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "auditd was not part of this lab")


def test_a_signal_over_several_tables_rests_on_the_sensors_of_each(world: World) -> None:
    kql = "union DockerDaemon_CL, DeviceProcessEvents | project Action, ProcessCommandLine, FileName"
    found = world.judge(expecting(signals=[Signal(name="both", kql=kql)])).signals[0]
    assert (found.sensor, found.sensors) == ("auditd", ["auditd", "docker_daemon"])
    assert {each.table for each in found.evidence} == {"DeviceProcessEvents", "DockerDaemon_CL"}


def test_five_rows_of_a_signal_are_shown(world: World) -> None:
    rows = [process(f"{RUN}{number}", f"raw/auditd.log:{number}") for number in range(7)]
    found = world.judge(expecting(), [*rows, event("start")])
    assert [each.record for each in found.signals[0].evidence] == [f"raw/auditd.log:{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("executed", "started", "telemetry", "sensors"),
    [
        (0.25, 0.5, 0.5, {"auditd": 0.25, "docker_daemon": 0.5}),
        (0.75, 0.5, 0.75, {"auditd": 0.75, "docker_daemon": 0.5}),
        (None, 0.5, None, {"docker_daemon": 0.5}),
        (None, None, None, {}),
    ],
)
def test_telemetry_is_there_when_the_last_signal_is(
    world: World, executed: float | None, started: float | None, telemetry: float | None, sensors: dict[str, float]
) -> None:
    rows = [process(RUN, after=executed), event("start", started)]
    found = world.judge(expecting(signals=[EXECUTED, STARTED]), rows).latency
    assert (found.telemetry, found.sensors, found.alert) == (telemetry, sensors, None)


def test_a_signal_is_there_with_the_first_of_its_rows(world: World) -> None:
    rows = [process(RUN, after=0.75), process(f"{RUN} y", "raw/auditd.log:8", after=0.25), event("start")]
    assert world.judge(expecting(), rows).latency.telemetry == 0.25


def test_a_live_alert_is_timed_from_the_attack_on(world: World) -> None:
    world.live = True
    alert = world.judge(expecting()).latency.alert
    assert alert is not None
    assert time.time() - BEGIN - 60 < alert <= time.time() - BEGIN
    silent = world.judge(expecting(fires=False, flags={}), [event("start"), process("docker ps")])
    assert silent.latency.alert is None


def test_what_may_be_the_atomic_s_or_not_makes_it_inconclusive(world: World) -> None:
    slices = {"T1/a": USUAL[1:], ambiguous("T1/a"): [process(RUN)]}
    found = world.judge(expecting(), slices)
    assert (found.verdict, found.reason) == (
        Verdict.INCONCLUSIVE,
        "it can't be attributed: docker was executed",
    )
    oracle = world.judge(expecting(), {"T1/a": USUAL[:2], ambiguous("T1/a"): [event("start")]})
    assert oracle.reason == "it can't be attributed: it started"
    alert = world.judge(expecting(), {"T1/a": USUAL, ambiguous("T1/a"): [process(f"{RUN} y")]})
    assert alert.verdict is Verdict.INCONCLUSIVE
    assert alert.reason == "the rule fires on 1 row that can't be attributed"


def test_what_is_inconclusive_already_keeps_its_reason(world: World) -> None:
    world.without("auditd")
    found = world.judge(expecting(), {"T1/a": USUAL, ambiguous("T1/a"): [process(f"{RUN} y")]})
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "auditd was not part of this lab")


NARROW = QUERY.replace('has "run"', 'has "run --pid"')
PREDICATE = 'ProcessCommandLine has "run --pid"'


def test_where_a_rule_is_silent_the_attack_s_own_row_is_the_near_miss(world: World) -> None:
    """By the words of what its signals saw: the commands of its preparations are others."""
    rows = [process("docker pull --quiet x", "raw/auditd.log:6", ProcessId=5), *USUAL]
    signal = Signal(name="s", kql='DeviceProcessEvents | where ProcessCommandLine has "privileged"')
    found = world.judge(expecting(NARROW, signals=[signal]), rows)
    assert (found.verdict, found.reason) == (Verdict.RULE_SILENT, f"no row passed: {PREDICATE}")
    assert found.near_miss is not None
    assert found.near_miss.values == {"ProcessCommandLine": RUN}
    pull = Signal(name="s", kql='DeviceProcessEvents | where ProcessCommandLine has "pull"')
    near = world.judge(expecting(NARROW, signals=[pull]), rows).near_miss
    assert near is not None
    assert near.values == {"ProcessCommandLine": "docker pull --quiet x"}


def test_a_silence_that_has_no_near_miss_keeps_its_reason(world: World) -> None:
    """Here the rule's own table has no row to begin with."""
    found = world.judge(expecting('AKSAudit | where Verb == "x" | extend Root = true'))
    assert (found.verdict, found.reason, found.near_miss) == (Verdict.RULE_SILENT, "the rule gave no row", None)


def test_a_known_gap_has_a_near_miss_and_its_own_reason(world: World) -> None:
    found = world.judge(expecting(NARROW, fires=False, flags={}, known_gap="no such word"))
    assert (found.verdict, found.reason) == (Verdict.KNOWN_GAP, "no such word")
    assert found.near_miss is not None
    assert found.near_miss.predicate == PREDICATE


def test_what_is_rightly_silent_or_known_to_be_loud_has_no_near_miss(world: World) -> None:
    assert world.judge(expecting(NARROW, fires=False, flags={})).near_miss is None
    loud = world.judge(expecting(fires=False, flags={}, benign="work", false_alarms=1, known_gap="noisy"))
    assert (loud.verdict, loud.near_miss, loud.benign) == (Verdict.KNOWN_GAP, None, "work")


@pytest.mark.parametrize(
    ("more", "verdict", "reason"),
    [
        ({"skipped": "no docker", "attack": None}, Verdict.SKIPPED, "no docker"),
        ({"skipped": "no docker"}, Verdict.SKIPPED, "no docker"),  # what is said to be skipped earns nothing
        ({"skipped": "it died", "attack": None, "lost": True}, Verdict.INCONCLUSIVE, "it died"),
        ({"attack": None}, Verdict.NOT_EXECUTED, "it was not run"),
    ],
)
def test_what_did_not_run(world: World, more: dict[str, Any], verdict: Verdict, reason: str) -> None:
    found = world.judge(expecting(may_skip="so"), detonation=detonated(**more))
    assert (found.verdict, found.reason, found.may_skip) == (verdict, reason, "so")
    assert found.executed == Executed(ran=False, effect=False)
    assert found.fired == Fired(expected=True, actual=False, rows=0, expected_rows=1)
    assert found.flags == {"Root": Flag(expected=True, actual=None)}
    assert (found.health, found.signals, found.alerts, found.near_miss, found.variant) == ([], [], [], None, None)
    assert found.latency == Latency()


def test_alerts_of_a_slice(world: World) -> None:
    rule = expecting().rule
    workspace = workspace_of(world.folder, {"background": USUAL, "T1/a": USUAL[1:]})
    judge = Judge(workspace, WELL, live=False)
    (alert,) = judge.alerts(rule, "background")
    assert [each.record for each in alert.evidence] == ["raw/auditd.log:7"]
    assert judge.alerts(rule, "T1/a") == []
