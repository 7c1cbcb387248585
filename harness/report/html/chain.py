"""The chain from exec through each sensor and the rule to the flags, and the step that failed."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.atomic_result import AtomicResult
from harness.model.observed import SignalResult
from harness.model.verdict import Verdict
from harness.report.html.subject import flag_text


@dataclass(frozen=True)
class State:
    """The state of a step. `key` names its colours; `sign` and `words` say the same without colour."""

    key: str
    sign: str
    words: str


OK = State("right", "✓", "ok")
BROKEN = State("broken", "✗", "failed here")
GAP = State("known", "◇", "known gap")
UNKNOWN = State("unclear", "?", "not known")
IDLE = State("idle", "-", "not judged")

_BEFORE_THE_RULE = (Verdict.NOT_EXECUTED, Verdict.INCONCLUSIVE, Verdict.NO_TELEMETRY, Verdict.SKIPPED)


@dataclass(frozen=True)
class Step:
    """One step. `seconds` is the time from exec until it was done; None where that is not known."""

    layer: str
    name: str
    state: State
    words: str
    seconds: float | None = None


def chain(result: AtomicResult) -> list[Step]:
    """The steps of a result, in the order in which an attack becomes an alert."""
    steps = [_exec(result), *_sensors(result), _rule(result)]
    if result.flags and (result.fired.actual or result.fired.expected):
        steps.append(_flags(result))
    return steps


def _exec(result: AtomicResult) -> Step:
    if result.verdict is Verdict.SKIPPED:
        return Step("exec", "attack", IDLE, result.reason)
    if result.verdict is Verdict.NOT_EXECUTED:
        return Step("exec", "attack", BROKEN, result.reason, 0.0)
    if not result.executed.effect:
        return Step("exec", "attack", UNKNOWN, "it is not known whether it had its effect", 0.0)
    return Step("exec", "attack", OK, "ran, and had its effect", 0.0)


def _sensors(result: AtomicResult) -> list[Step]:
    by_sensor: dict[str, list[SignalResult]] = {health.sensor: [] for health in result.health}
    for signal in [*result.executed.oracle, *result.signals]:
        by_sensor.setdefault(signal.sensor, []).append(signal)
    problems = {health.sensor: health.problems for health in result.health if not health.ok}
    return [_sensor(result, name, signals, problems.get(name)) for name, signals in by_sensor.items()]


def _sensor(result: AtomicResult, name: str, signals: list[SignalResult], problems: list[str] | None) -> Step:
    seconds = result.latency.sensors.get(name)
    missing = [signal.name for signal in signals if not signal.seen]
    counted = _counted(result.executed.oracle, name, "effects") + _counted(result.signals, name, "signals")
    if problems is not None:
        return Step("sensor", name, UNKNOWN, "; ".join(problems) or "was not healthy", seconds)
    if result.verdict is Verdict.SKIPPED:
        return Step("sensor", name, IDLE, "")
    if missing:
        state = BROKEN if result.verdict is Verdict.NO_TELEMETRY else IDLE
        return Step("sensor", name, state, f"{', '.join(counted)}; did not show: {'; '.join(missing)}", seconds)
    if not signals:
        return Step("sensor", name, OK, "healthy; no signal is required of it")
    return Step("sensor", name, OK, f"seen: {', '.join(counted)}", seconds)


def _counted(signals: list[SignalResult], sensor: str, kind: str) -> list[str]:
    """A count of a sensor's effects or signals that were seen, as in the table of atomics; empty without any."""
    seen = [signal.seen for signal in signals if signal.sensor == sensor]
    return [f"{kind} {sum(seen)}/{len(seen)}"] if seen else []


def _rule(result: AtomicResult) -> Step:
    rows = "1 row" if result.fired.rows == 1 else f"{result.fired.rows} rows"
    outcome = f"fired, {rows}" if result.fired.actual else "silent"
    seconds = result.latency.alert
    if result.verdict in _BEFORE_THE_RULE:
        return Step("rule", result.rule, IDLE, "")
    if result.verdict is Verdict.RULE_SILENT:
        return Step("rule", result.rule, BROKEN, f"silent: {result.reason}")
    if result.verdict is Verdict.UNEXPECTED_ALERT or (result.verdict is Verdict.WRONG_FLAGS and _all_right(result)):
        return Step("rule", result.rule, BROKEN, result.reason, seconds)
    if result.verdict is Verdict.KNOWN_GAP and not _flags_are_the_gap(result):
        return Step("rule", result.rule, GAP, outcome, seconds)
    return Step("rule", result.rule, OK, outcome if result.fired.actual else "rightly silent", seconds)


def _flags(result: AtomicResult) -> Step:
    name = f"{len(result.flags)} {'flag' if len(result.flags) == 1 else 'flags'}"
    if result.verdict in _BEFORE_THE_RULE or not result.fired.actual:
        return Step("flags", name, IDLE, "")
    wrong = [f"{flag}: {flag_text(value, fired=True)}" for flag, value in result.flags.items() if not value.right]
    if wrong:
        return Step("flags", name, BROKEN, "; ".join(wrong))
    state = GAP if result.verdict is Verdict.KNOWN_GAP and _flags_are_the_gap(result) else OK
    return Step("flags", name, state, "all as expected")


def _all_right(result: AtomicResult) -> bool:
    """Whether all flags are right, so that the number of rows is wrong."""
    return all(flag.right for flag in result.flags.values())


def _flags_are_the_gap(result: AtomicResult) -> bool:
    """Whether the known gap is that the rule fires with wrong flags."""
    return bool(result.flags) and result.fired.actual and result.variant is not None and not result.variant.flags_right
