"""The history of many nights for the page: the verdicts of each atomic, and the trend of the latency as a curve."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.atomic import short_id
from harness.model.history import History
from harness.model.verdict import Verdict

_FORMATS = ("%d %b", "%d %b %H:%M", "%d %b %H:%M:%S", "%d %b %Y %H:%M:%S")


@dataclass(frozen=True)
class HistoryRow:
    """An atomic under a rule. `changed` says for each night whether it differs from the one before that had it."""

    atomic: str
    cells: list[tuple[Verdict | None, bool]]

    @property
    def changed(self) -> bool:
        """Whether two nights disagree."""
        return any(changed for _, changed in self.cells)


@dataclass(frozen=True)
class RuleHistory:
    """The rows of a rule, those with a change first. `quiet` counts variants without any, which are left out.

    `background` has the number of alerts for each night; None where it was not judged.
    """

    rule: str
    rows: list[HistoryRow]
    quiet: int
    background: list[int | None]


@dataclass(frozen=True)
class Curve:
    """A trend. `runs` are the points of unbroken runs of nights, in per cent of the width and height."""

    name: str
    values: list[float | None]
    runs: list[list[tuple[float, float]]]


def nights(history: History) -> list[str]:
    """The name of each night: the day, with the time where two nights would have the same name."""
    for form in _FORMATS:
        names = [night.finished.strftime(form) for night in history.nights]
        if len(set(names)) == len(names):
            break
    return names


def rules(history: History) -> list[RuleHistory]:
    """The rows of each rule."""
    histories = []
    for rule in history.rules:
        rows = {atomic: _row(history, rule, atomic) for atomic in history.atomics(rule)}
        shown = [row for atomic, row in rows.items() if row.changed or not history.is_variant(atomic)]
        shown.sort(key=lambda row: not row.changed)
        background = [night.background.get(rule) for night in history.nights]
        histories.append(RuleHistory(rule, shown, len(rows) - len(shown), background))
    return histories


def curves(history: History) -> tuple[list[Curve], float]:
    """The trends of telemetry and alert, and the seconds at the top of the scale, which begins at zero."""
    values = {
        "telemetry": [night.telemetry for night in history.nights],
        "alert": [night.alert for night in history.nights],
    }
    known = {name: series for name, series in values.items() if any(value is not None for value in series)}
    top = max((value for series in known.values() for value in series if value is not None), default=0.0) or 1.0
    return [Curve(name, series, _runs(series, top)) for name, series in known.items()], top


def _row(history: History, rule: str, atomic: str) -> HistoryRow:
    cells: list[tuple[Verdict | None, bool]] = []
    before: Verdict | None = None
    for verdict in history.verdicts(rule, atomic):
        cells.append((verdict, bool(before and verdict and verdict is not before)))
        before = verdict or before
    return HistoryRow(short_id(atomic), cells)


def _runs(values: list[float | None], top: float) -> list[list[tuple[float, float]]]:
    width = max(1, len(values) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            x = 100 * place / width if len(values) > 1 else 50.0
            runs[-1].append((x, 100 * (1 - max(0.0, value) / top)))
    return [run for run in runs if run]
