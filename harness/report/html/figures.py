"""Figures of a rule as rows of tables: recall, alerts on benign runs, and what tuning would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.atomic_result import AtomicResult
from harness.model.result import Result
from harness.model.rule_figures import BenignRuns, Recall, TuningResult
from harness.model.verdict import Verdict
from harness.report.html.subject import Subject


@dataclass(frozen=True)
class RuleLine:
    """A rule in one line. `tuned` and `held_out` are its recall on variants, `benign` all its benign runs."""

    rule: str
    verdicts: list[tuple[Verdict, int]]
    tuned: Recall | None
    held_out: Recall | None
    benign: BenignRuns | None
    background: int | None


@dataclass(frozen=True)
class TuningRow:
    """A row of the tuning table. `gain` and `cost` are differences to the unchanged rule; None in its own row."""

    tuning: TuningResult
    gain: float | None
    cost: float | None


def rules_of(result: Result) -> list[str]:
    """The rules that were judged."""
    return list(dict.fromkeys(row.rule for row in result.results))


def rule_lines(result: Result) -> list[RuleLine]:
    """A line for each rule."""
    lines = []
    for rule in rules_of(result):
        counts = Counter(row.verdict for row in result.results if row.rule == rule)
        split = result.recall_split.get(rule, {})
        alerts = result.background.alerts.get(rule)
        lines.append(
            RuleLine(
                rule,
                [(verdict, counts[verdict]) for verdict in Verdict if counts[verdict]],
                split.get("tuned"),
                split.get("held_out"),
                total_benign(result.benign[rule]) if result.benign.get(rule) else None,
                None if alerts is None else len(alerts),
            )
        )
    return lines


def total_recall(families: dict[str, Recall]) -> Recall:
    """The sum over families."""
    every = list(families.values())
    return Recall(
        executed=sum(recall.executed for recall in every),
        equivalent=sum(recall.equivalent for recall in every),
        fired=sum(recall.fired for recall in every),
        flags_right=sum(recall.flags_right for recall in every),
    )


def total_benign(families: dict[str, BenignRuns]) -> BenignRuns:
    """The sum over families."""
    flags: Counter[str] = Counter()
    every = list(families.values())
    for runs in every:
        flags.update(runs.flags)
    commands, alerts = sum(runs.commands for runs in every), sum(runs.alerts for runs in every)
    return BenignRuns(commands=commands, alerts=alerts, flags=dict(flags))


def tuning_rows(tuning: Sequence[TuningResult]) -> list[TuningRow]:
    """The rows, the unchanged rule first, and how the others differ from it."""
    if not tuning:
        return []
    base = tuning[0]
    rows = [TuningRow(base, None, None)]
    for row in tuning[1:]:
        rows.append(TuningRow(row, _minus(row.precision, base.precision), _minus(row.recall, base.recall)))
    return rows


def seen_by(subjects: Sequence[Subject]) -> list[tuple[str, int]]:
    """For each sensor, the number of executed variants of which it has rows."""
    counts: Counter[str] = Counter()
    for subject in subjects:
        variant = subject.first.variant
        if variant and subject.first.executed.effect:
            counts.update(variant.seen_by)
    return sorted(counts.items())


def flag_tables(subjects: Sequence[Subject]) -> dict[str, tuple[list[str], list[tuple[Subject, AtomicResult]]]]:
    """For each rule its flags, and the results of executed subjects that have flags."""
    tables: dict[str, tuple[list[str], list[tuple[Subject, AtomicResult]]]] = {}
    for subject in subjects:
        for row in subject.rows:
            if row.result.flags and row.result.executed.effect:
                names, rows = tables.setdefault(row.result.rule, ([], []))
                names += [name for name in row.result.flags if name not in names]
                rows.append((subject, row.result))
    return tables


def share(count: int, total: int) -> float | None:
    """A share; None where the total is 0."""
    return count / total if total else None


def percent(value: float | None) -> str:
    """A share in per cent, rounded; but only 1 gives 100 %, and only 0 gives 0 %."""
    if value is None:
        return "-"
    if 0 < value < 0.01:
        return "< 1 %"
    return f"{int(value * 100) if 0.99 < value < 1 else round(value * 100)} %"


def points(value: float | None) -> str:
    """A difference of shares in percentage points."""
    if value is None:
        return "-"
    return f"{value * 100:+.1f}" if value else "±0"


def _minus(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right
