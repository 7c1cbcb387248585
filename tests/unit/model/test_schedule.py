"""The scheduling keys of a rule: spellings, limits at their place, and what makes an alert."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.errors import LivefireError
from harness.files.rule_file import load_rule
from harness.model.rule import Rule
from harness.model.schedule import Schedule
from tests.conftest import EXPECTATIONS

RULE = EXPECTATIONS.with_name("container-cli-api.yaml")
FREQUENCY, PERIOD = "queryFrequency: 1h\n", "queryPeriod: 1d\n"


def rule(folder: Path, **texts: str) -> Rule:
    """The project's rule with other lines in the place of these."""
    text = RULE.read_text()
    for key, line in texts.items():
        (old,) = [each for each in text.splitlines(keepends=True) if each.startswith(f"{key}:")]
        text = text.replace(old, f"{line}\n" if line else "")
    path = folder / "rule.yaml"
    path.write_text(text)
    return load_rule(path)


def test_the_rule_as_it_is() -> None:
    assert load_rule(RULE).schedule() == Schedule(
        kind="Scheduled",
        frequency=3600,
        period=86400,
        delay=300,
        operator="gt",
        threshold=0,
        grouping="SingleAlert",
        suppression=0,
    )


def test_the_spellings_of_exported_templates(tmp_path: Path) -> None:
    found = rule(
        tmp_path,
        kind="kind: scheduled",
        queryFrequency="queryFrequency: PT5M",
        queryPeriod="queryPeriod: P1DT12H",
        triggerOperator="triggerOperator: LessThan",
        triggerThreshold=(
            "triggerThreshold: 3\nsuppressionEnabled: true\nsuppressionDuration: PT5H\n"
            "eventGroupingSettings:\n  aggregationKind: AlertPerResult"
        ),
    )
    assert found.metadata.queryPeriod == timedelta(hours=36)
    schedule = found.schedule()
    assert (schedule.frequency, schedule.period, schedule.operator, schedule.threshold) == (300, 129600, "lt", 3)
    assert (schedule.suppression, schedule.grouping) == (18000, "AlertPerResult")


@pytest.mark.parametrize(
    ("frequency", "period", "line", "message"),
    [
        ("queryFrequency: 1h", "queryPeriod: 30m", PERIOD, "a look-back of 30m with a run every 1h leaves gaps"),
        ("queryFrequency: 4m", "queryPeriod: 1d", FREQUENCY, "4m is outside of what Sentinel allows, 5m to 14d"),
        ("queryFrequency: 1h", "queryPeriod: 15d", PERIOD, "15d is outside of what Sentinel allows, 5m to 14d"),
        ("queryFrequency: 30m", "queryPeriod: 2d", PERIOD, "from 2d on, queryFrequency must be 1h or more"),
        ("queryFrequency: often", "queryPeriod: 1d", FREQUENCY, "'often' is no duration: write 5m"),
        ("queryFrequency: 3600", "queryPeriod: 1d", FREQUENCY, "'3600' is no duration"),
    ],
)
def test_a_schedule_that_makes_no_sense(tmp_path: Path, frequency: str, period: str, line: str, message: str) -> None:
    with pytest.raises(LivefireError) as caught:
        rule(tmp_path, queryFrequency=frequency, queryPeriod=period)
    number = RULE.read_text().splitlines(keepends=True).index(line) + 1
    assert str(caught.value).startswith(f"{tmp_path / 'rule.yaml'}:{number}:1: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("triggerThreshold: 10001", "less than or equal to 10000"),
        ("triggerThreshold: 0\nsuppressionDuration: 25h", "1d 1h is outside"),
        ("triggerThreshold: 0\neventGroupingSettings: {aggregationKind: Each}", "SingleAlert"),
    ],
)
def test_other_keys_out_of_their_limits(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(LivefireError, match=message):
        rule(tmp_path, triggerThreshold=line)


def test_a_rule_that_does_not_say_when_it_runs(tmp_path: Path) -> None:
    with pytest.raises(LivefireError, match="the rule does not say when it runs"):
        rule(tmp_path, queryPeriod="").schedule()


def test_an_nrt_rule_runs_every_minute_whatever_else_it_says(tmp_path: Path) -> None:
    found = rule(
        tmp_path, kind="kind: NRT", queryFrequency="queryFrequency: 1m", triggerThreshold="triggerThreshold: 9"
    )
    schedule = found.schedule()
    assert (schedule.frequency, schedule.period, schedule.delay, schedule.threshold) == (60, 60, 120, 0)


@pytest.mark.parametrize(
    ("operator", "threshold", "triggering"),
    [
        ("gt", 0, [1, 2, 3]),
        ("gt", 2, [3]),
        ("lt", 2, [0, 1]),
        ("lt", 0, []),
        ("eq", 0, [0]),
        ("eq", 2, [2]),
        ("ne", 0, [1, 2, 3]),
        ("ne", 2, [0, 1, 3]),
    ],
)
def test_operator_and_threshold(operator: Any, threshold: int, triggering: list[int]) -> None:
    schedule = load_rule(RULE).schedule().model_copy(update={"operator": operator, "threshold": threshold})
    assert [rows for rows in range(4) if schedule.triggers(rows)] == triggering


def test_the_number_of_alerts() -> None:
    single = load_rule(RULE).schedule()
    each = single.model_copy(update={"grouping": "AlertPerResult"})
    assert [single.alerts(rows) for rows in (0, 1, 200)] == [0, 1, 1]
    assert [each.alerts(rows) for rows in (0, 1, 149, 200)] == [0, 1, 149, 150]
    assert each.model_copy(update={"operator": "lt", "threshold": 1}).alerts(0) == 1
