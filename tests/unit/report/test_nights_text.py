"""The history on a terminal: it fits, says what changed, and folds what does not fit."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from harness.model.history import History, Night
from harness.model.verdict import Verdict
from harness.report.nights_text import print_history

P, R = Verdict.PROVEN, Verdict.RULE_SILENT


def night(day: int, verdicts: dict[str, Verdict], **more: Any) -> Night:
    values: dict[str, Any] = {
        "finished": datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day - 1),
        "verdicts": {("rule", atomic): verdict for atomic, verdict in verdicts.items()},
        "variants": frozenset(atomic for atomic in verdicts if "~" in atomic),
        "background": {"rule": 0},
        "telemetry": None,
        "alert": None,
    }
    return Night(**values | more)


def printed(*nights: Night, width: int = 80, terminal: bool = False) -> str:
    out = io.StringIO()
    print_history(History.of(nights), Console(file=out, width=width, highlight=False, force_terminal=terminal))
    return out.getvalue()


def rows(text: str) -> dict[str, str]:
    """What stands behind the name of each row."""
    return {line[:37].strip(): " ".join(line[37:].split()) for line in text.splitlines() if line[37:].strip()}


def test_a_change_is_marked_and_a_night_without_the_atomic_is_a_dot() -> None:
    found = rows(printed(night(29, {"T1/a": P}), night(30, {"T1/a": R, "T1/b": P}), night(31, {"T1/a": P, "T1/b": P})))
    assert found["! a"] == "P R P"
    assert found["b"] == ". P P"
    assert found["alerts in the background"] == "0 0 0"


def test_the_head_names_the_month_where_it_begins_and_each_day() -> None:
    lines = printed(*(night(day, {"T1/a": P}) for day in (29, 30, 31))).splitlines()
    assert lines[0] == "rule"
    assert lines[1].split() == ["Nov", "Dec"]
    assert lines[2].split() == ["29", "30", "01"]
    assert lines[1].index("Dec") + 3 == lines[2].index("01") + 2


def hours(*finished: datetime) -> list[str]:
    lines = printed(*(night(1, {"T1/a": P}, finished=each) for each in finished)).splitlines()
    assert max(map(len, lines)) <= 80
    return lines[1 : next(number for number, line in enumerate(lines) if line.startswith("  a "))]


def test_the_head_tells_runs_of_one_day_apart() -> None:
    day = datetime(2026, 11, 24, 3, 5, 7, tzinfo=UTC)
    assert len(hours(day, day + timedelta(days=1))) == 2
    head = hours(day, day + timedelta(hours=11), day + timedelta(days=1))
    assert [line.split() for line in head[1:]] == [["24", "24", "25"], ["hour", "03", "14", "03"]]
    assert {line.rindex(word) for line, word in zip(head[1:], ("25", "03"), strict=True)} == {len(head[1]) - 2}
    head = hours(day, day + timedelta(hours=11), day + timedelta(minutes=9))
    assert [line.split() for line in head[2:]] == [["hour", "03", "03", "14"], ["minute", "05", "14", "05"]]
    assert hours(day, day + timedelta(seconds=1))[-1].split() == ["second", "07", "08"]
    assert len(hours(day, day)) == 5  # nothing tells them apart


def test_a_long_name_is_folded_at_its_separators() -> None:
    name = "T1/docker-create-something~create-and-start.attached_wait"
    text = printed(night(1, {name: P}), night(2, {name: R}))
    names = [line[2:37].strip() for line in text.splitlines() if line[2:3].strip()]
    assert names[1:3] == ["docker-create-something~create-", "and-start.attached_wait"]


def test_variants_without_a_change_are_counted_and_those_with_one_are_named() -> None:
    before = {"T1/a": P} | {f"T1/a~family.{name}": P for name in "xyz"}
    text = printed(night(1, before), night(2, before | {"T1/a~family.x": R}))
    assert rows(text)["! a~family.x"] == "P R"
    assert "and 2 variants without a change" in text
    assert "family.y" not in text


def test_it_fits_80_columns_with_the_last_nights_and_says_what_is_hidden() -> None:
    name = "T1/docker-privileged-container-creation~resource-spelling.namespace-first-and-then-some"
    every = dict.fromkeys((f"{name}-{number}" for number in range(3)), P)
    nights = [night(day, every | {name: P if day % 2 else R}, telemetry=0.1 * day, alert=1.0) for day in range(1, 21)]
    for width in (80, 200):
        lines = printed(*nights, width=width).splitlines()
        assert max(len(line) for line in lines) <= 80
        assert lines[-1] == "6 earlier nights not shown"
        assert lines[2].split()[-1] == "20"
    assert "\x1b" not in printed(*nights)
    assert "\x1b" in printed(*nights, terminal=True)


def test_a_narrow_terminal_gets_the_last_night() -> None:
    assert rows(printed(night(1, {"T1/a": P}), night(2, {"T1/a": R}), width=20))["a"] == "R"


def test_the_trend_of_the_latency_starts_at_zero() -> None:
    seconds = (0.4, None, 0.2, 0.0)
    text = printed(*(night(day, {"T1/a": P}, telemetry=value) for day, value in enumerate(seconds, 1)))
    assert rows(text)["seconds to telemetry, median"] == "█ . ▅ ▁"
    assert "first 0.40, last 0.00, lowest 0.00, highest 0.40" in text
    assert "seconds to alert" not in text


def test_alerts_in_the_background_are_counted() -> None:
    counts = (0, 7, 120)
    text = printed(*(night(day, {"T1/a": P}, background={"rule": count}) for day, count in enumerate(counts, 1)))
    assert rows(text)["! alerts in the background"] == "0 7 ++"


def test_only_letters_that_are_used_are_explained() -> None:
    last = printed(night(1, {"T1/a": P, "T1/b": R})).splitlines()[-1]
    assert last == "P PROVEN  R RULE_SILENT  . not part of it  ! changed"
