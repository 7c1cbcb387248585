"""An attack against a schedule: the real rule on what each run sees, with operator, threshold and suppression."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.files.rule_file import load_rule
from harness.kql.engine_choice import new_workspace
from harness.kql.limits import Limits
from harness.kql.workspace import Workspace
from harness.model.rule import Rule
from harness.study.schedule.delays import Late, parse_delay
from harness.study.schedule.ingestion import Event, Ingestion
from harness.study.schedule.play import Attack, Played, Trial, play
from harness.telemetry.schema import complete
from tests.unit.judge.texts import rule_text

EXECUTED = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOCKER = 'DeviceProcessEvents | where Timestamp > ago(1d) | where FileName == "docker"'
PROMPT = Ingestion(parse_delay("fixed:30s"))


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    """Three commands within two seconds: docker, docker, runc."""
    workspace = new_workspace(EXECUTED, Limits(threads=1))
    rows = []
    for number, name in enumerate(["docker", "docker", "runc"]):
        at = (EXECUTED + timedelta(seconds=number)).replace(tzinfo=None)
        values = {"FileName": name, "ProcessId": number, "Timestamp": at, "TimeGenerated": at}
        rows.append(complete("DeviceProcessEvents", values))
    workspace.put("DeviceProcessEvents", "a", rows)
    return workspace


@pytest.fixture
def rule(tmp_path: Path) -> Any:
    def make(query: str, **keys: Any) -> Rule:
        given = {"queryFrequency": "1h", "queryPeriod": "1h"} | keys
        path = tmp_path / "r.yaml"
        path.write_text("".join(f"{key}: {value}\n" for key, value in given.items()) + rule_text(query))
        return load_rule(path)

    return make


def played(workspace: Workspace, rule: Rule, ingestion: Ingestion = PROMPT, draws: int = 20, seed: int = 0) -> Played:
    numbers = workspace.numbered("DeviceProcessEvents", "a")
    events = tuple(Event(number, "auditd", float(at), 0.01) for at, number in enumerate(numbers))
    return play(Attack("a", EXECUTED, events), rule, Trial(ingestion, draws, seed), workspace)


def runs(found: Played) -> set[int]:
    return {len(draw.alerts) for draw in found.draws}


def test_one_alert_five_minutes_after_the_next_scheduled_time(workspace: Workspace, rule: Any) -> None:
    found = played(workspace, rule(DOCKER))
    assert runs(found) == {1}
    assert all(300 <= draw.alerts[0][0] <= 300 + 3600 for draw in found.draws)
    assert (found.fires_at_once, found.idle_alert) == (True, False)


def test_the_query_has_the_last_word(workspace: Workspace, rule: Any) -> None:
    """The look-back has the events for a day, and the rule itself for two hours."""
    assert runs(played(workspace, rule(DOCKER.replace("ago(1d)", "ago(2h)"), queryPeriod="1d"))) == {2}
    assert runs(played(workspace, rule(DOCKER, queryPeriod="1d"))) == {24}


def test_a_rule_that_counts(workspace: Workspace, rule: Any) -> None:
    """Two rows that arrive an hour apart are never in one look-back of an hour; in one of three hours they are."""
    both = "DeviceProcessEvents | where FileName == 'docker' | summarize n = count() by FileName | where n >= 2"
    apart = Ingestion(parse_delay("fixed:0s"), Late(0.5, 4000), out_of_order=True)
    short, long = played(workspace, rule(both), apart, 60), played(workspace, rule(both, queryPeriod="3h"), apart, 60)
    assert short.fires_at_once
    assert sum(not draw.alerts for draw in short.draws) > 10
    assert all(draw.alerts for draw in long.draws)


@pytest.mark.parametrize(
    ("operator", "threshold", "alerts", "idle"),
    [
        ("gt", 0, True, False),
        ("gt", 1, True, False),
        ("gt", 2, False, False),
        ("eq", 2, True, False),
        ("eq", 0, False, True),  # it alerts on what is not there, which is no alert on the attack
        ("lt", 3, True, True),
        ("lt", 2, False, True),
        ("ne", 2, False, True),
        ("ne", 0, True, False),
    ],
)
def test_operator_and_threshold(
    workspace: Workspace, rule: Any, operator: str, threshold: int, alerts: bool, idle: bool
) -> None:
    found = played(workspace, rule(DOCKER, triggerOperator=operator, triggerThreshold=threshold))
    assert runs(found) <= ({1} if alerts else {0})
    assert (found.fires_at_once, found.idle_alert) == (alerts, idle)


def test_a_rule_that_always_gives_a_row_alerts_on_the_attack_where_the_row_is_another(
    workspace: Workspace, rule: Any
) -> None:
    found = played(workspace, rule(f"{DOCKER} | summarize n = count()"))
    assert found.idle_alert
    assert runs(found) == {1}
    assert runs(played(workspace, rule("DeviceProcessEvents | where FileName == 'none' | count"))) == {0}


def test_a_duplicate_can_pass_a_threshold(workspace: Workspace, rule: Any) -> None:
    three = rule(DOCKER, triggerThreshold=2)
    assert runs(played(workspace, three)) == {0}
    twice = Ingestion(parse_delay("fixed:30s"), duplicates=1.0)
    assert runs(played(workspace, three, twice)) == {1}


def test_an_alert_for_each_result(workspace: Workspace, rule: Any) -> None:
    found = played(workspace, rule(DOCKER, eventGroupingSettings="{aggregationKind: AlertPerResult}"))
    assert {draw.alerts[0][1] for draw in found.draws} == {2}


def test_suppression_ends_the_repetition(workspace: Workspace, rule: Any) -> None:
    keys = {"queryPeriod": "1d", "suppressionEnabled": "true"}
    assert runs(played(workspace, rule(DOCKER, suppressionDuration="5h", **keys))) == {5}  # at 0, 5, 10, 15, 20 hours
    assert runs(played(workspace, rule(DOCKER, suppressionDuration="24h", **keys))) == {1}
    assert runs(played(workspace, rule(DOCKER, suppressionDuration="5h", queryPeriod="1d"))) == {24}  # not enabled


def test_what_is_too_late_is_lost(workspace: Workspace, rule: Any) -> None:
    found = played(workspace, rule(DOCKER), Ingestion(parse_delay("fixed:66m")))
    assert [(draw.alerts, draw.lost, round(draw.longest_delay)) for draw in found.draws] == [((), 3, 3960)] * 20


def test_near_real_time_is_not_impressed(workspace: Workspace, rule: Any) -> None:
    nrt = rule(DOCKER, kind="NRT")
    found = played(workspace, nrt, Ingestion(parse_delay("fixed:66m")))
    assert {draw.lost for draw in found.draws} == {0}
    assert all(3960 + 120 <= draw.alerts[0][0] <= 3960 + 183 for draw in found.draws)


def test_the_same_seed_gives_the_same(workspace: Workspace, rule: Any) -> None:
    loose = Ingestion(parse_delay("uniform:1m..70m"), Late(0.1, 60), 0.1, out_of_order=True)
    assert played(workspace, rule(DOCKER), loose) == played(workspace, rule(DOCKER), loose)
    assert played(workspace, rule(DOCKER), loose, seed=1) != played(workspace, rule(DOCKER), loose)
