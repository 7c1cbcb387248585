"""A simulated schedule on a terminal and as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.files.rule_file import load_rule
from harness.files.schedule_file import write_schedule
from harness.model.schedule import Schedule
from harness.model.schedule_result import Assumptions, AtomicSchedule, ScheduleResult
from harness.model.spread import Spread
from harness.report.schedule_text import print_schedule
from harness.study.schedule.advice import weaknesses
from tests.conftest import EXPECTATIONS

RULE = load_rule(EXPECTATIONS.with_name("container-cli-api.yaml"))
HOURLY = RULE.schedule()
FIVE = HOURLY.model_copy(update={"frequency": 300.0, "period": 300.0})


def atomic(name: str = "T1/one", **changes: Any) -> AtomicSchedule:
    values: dict[str, Any] = {
        "atomic": name,
        "at": "r.expect.yaml:1:1",
        "fires_at_once": True,
        "draws": 200,
        "missed": 0,
        "missed_by_loss": 0,
        "first_alert": Spread.of(range(330, 530)),
        "runs": Spread.of([1] * 200),
        "alerts": Spread.of([1] * 200),
        "events": 600,
        "lost": 0,
        "longest_delay": 120.0,
    }
    return AtomicSchedule(**values | changes)


SILENT: dict[str, Any] = {"missed": 200, "first_alert": None, "runs": None, "alerts": None}


def result(schedule: Schedule, *atomics: AtomicSchedule, idle: bool = False, allowed: float = 0.0) -> ScheduleResult:
    assumed = Assumptions(
        delay="fixed:5m", late_share=0.01, late_by=21600, duplicates=0.02, out_of_order=True, draws=200, seed=3
    )
    return ScheduleResult(
        rule=RULE.id,
        path=str(RULE.path),
        schedule=schedule,
        assumptions=assumed,
        recordings=["r"],
        atomics=list(atomics),
        idle_alert=idle,
        findings=weaknesses(RULE, schedule, atomics, idle),
        max_missed=allowed,
        passed=all(each.missed_share <= allowed for each in atomics),
    )


def printed(found: ScheduleResult) -> str:
    out = io.StringIO()
    print_schedule(found, Console(file=out, width=80, highlight=False))
    lines = out.getvalue().splitlines()
    assert max(len(line) for line in lines if "container-cli-api.yaml:" not in line) <= 80
    return out.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


def test_what_was_simulated_and_a_line_for_each_atomic() -> None:
    text = printed(result(HOURLY, atomic(), atomic("T1/two", missed=1, missed_by_loss=1, lost=3)))
    assert "a run every 1h over what was generated in the last 1d, executed 5m later; more than 0 rows" in flat(text)
    assert "ingestion delay fixed:5m; 1.0% of events 6h later; 2.0% of events twice; out of order" in flat(text)
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith(("one ", "two "))}
    assert lines["one"] == ["0.0%", "7m", "9s", "8m", "39s", "8m", "49s", "1", "0.0%"]
    assert (lines["two"][0], lines["two"][-1]) == ("0.5%", "0.5%")
    assert text.splitlines()[-1] == "1 of 2 atomics without an alert in more than 0.0% of the draws · exit 1"


def test_a_name_that_is_too_long_has_its_own_line() -> None:
    name = "a-very-long-name-of-an-atomic-that-fits-nowhere"
    assert f"\n{name}\n " in printed(result(HOURLY, atomic(f"T1/{name}")))


def test_missed_draws_that_were_allowed() -> None:
    text = printed(result(FIVE, atomic(missed=2, missed_by_loss=2, lost=6), allowed=0.01))
    assert text.endswith("1 atomic: no more than 1.0% of the draws without an alert · exit 0\n")


def test_repeated_alerts_are_told_with_a_cure() -> None:
    (found,) = result(HOURLY, atomic(runs=Spread.of([24] * 200), longest_delay=600)).weaknesses
    assert (found.kind, found.at) == ("repeated", f"{RULE.path}:16:1")
    assert "an alert at each of about 24 runs" in found.text
    assert found.cure.startswith("a queryPeriod of 1h 5m, ")  # 1h and what of 10m is not in the 5m before a run
    assert result(HOURLY, atomic(runs=Spread.of([2] * 200))).weaknesses == []


def test_lost_events_are_told_with_a_cure() -> None:
    losing = atomic(lost=600, missed_by_loss=200, longest_delay=1200, **SILENT)
    (found,) = result(FIVE, losing).weaknesses
    assert found.kind == "lost"
    assert "up to 100.0% of the events (one)" in found.text
    assert "queryPeriod - queryFrequency + 5m = 5m may lose an event, and the longest was 20m" in found.text
    assert found.cure.startswith("a queryPeriod of at least 20m, or an NRT rule")
    (found,) = result(FIVE, losing.model_copy(update={"longest_delay": 15 * 86400.0})).weaknesses
    assert found.cure.startswith("an NRT rule")


def test_other_things_that_are_wrong() -> None:
    found = result(FIVE, atomic(fires_at_once=False, **SILENT), atomic("T1/two", missed=5), idle=True).weaknesses
    assert [each.kind for each in found] == ["silent", "split", "idle"]
    assert found[0].text.startswith("no alert on one ")
    assert "sees enough of two at once" in found[1].text
    assert "up to 288 alerts a day without an attack" in found[2].text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kind": "NRT"}, "a run every minute over what was ingested in the minute before"),
        ({"operator": "lt", "threshold": 1}, "fewer than 1 row make an alert"),
        ({"operator": "eq", "threshold": 5}, "exactly 5 rows make an alert"),
        ({"grouping": "AlertPerResult"}, "more than 0 rows make an alert for each row"),
        ({"suppression": 18000.0}, "make an alert, then no run for 5h"),
    ],
)
def test_how_a_rule_runs(changes: dict[str, Any], told: str) -> None:
    assert told in flat(printed(result(HOURLY.model_copy(update=changes), atomic())))


def test_the_json_is_read_again_as_it_was(tmp_path: Path) -> None:
    found = result(FIVE, atomic(lost=1, missed=1, missed_by_loss=1))
    write_schedule(found, str(tmp_path / "s.json"))
    data = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert data["schema"] == "livefire.schedule/1"
    assert ScheduleResult.model_validate(data) == found
