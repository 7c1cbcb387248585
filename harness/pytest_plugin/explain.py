"""Why a test failed: the evidence, and the expectation with the keys that did not hold."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from harness.errors import Position
from harness.model.atomic_result import Alert, AtomicResult
from harness.model.expectation import Expectation
from harness.pytest_plugin.excerpt import excerpt
from harness.report.describe import alert_lines, details
from harness.report.shown import shown
from harness.text import visible

Results = Sequence[tuple[str, AtomicResult]]  # with the recording of each
Key = tuple[str | int, ...]

_NAMES, _ALERTS = 24, 10  # how many are shown
_WIDTH = 78


def explain(expectation: Expectation, layer: str, broken: Results, *, of: int) -> str:
    """The explanation of a layer that failed in some of the `of` recordings that hold the atomic."""
    lines: list[str] = []
    keys: list[Key] = []
    for recording, result in broken:
        lines += [*details(shown(result)), f"  recorded in {visible(recording)}"]
        keys += [key for key in keys_of(expectation, layer, result) if key not in keys]
    if of > 1:
        lines.append(f"{len(broken)} of {of} recordings")
    return "\n".join([*lines, "", *_excerpt(expectation, keys)])


def explain_variants(expectation: Expectation, wrong: Results, *, of: int) -> str:
    """The explanation of variants that are not as expected: all by verdict, and the first of each verdict in full."""
    lines = [f"{len(wrong)} of {of} variants of {visible(expectation.atomic)} are not as expected"]
    keys: list[Key] = []
    by_verdict: dict[str, list[tuple[str, AtomicResult]]] = {}
    for recording, result in wrong:
        by_verdict.setdefault(str(result.verdict), []).append((recording, result))
    for verdict, results in by_verdict.items():
        lines += _names(f"  {verdict} {len(results)}: ", [_key(result) for _, result in results])
    for results in by_verdict.values():
        recording, result = results[0]
        lines += ["", *details(shown(result)), f"  recorded in {visible(recording)}"]
        key = _pinned(expectation, _key(result))
        keys += [key] if key not in keys else []
    return "\n".join([*lines, "", *_excerpt(expectation, keys)])


def explain_background(rule: str, alerts_in: dict[str, list[Alert]]) -> str:
    """The explanation of alerts, by recording, where no atomic ran."""
    count = sum(len(alerts) for alerts in alerts_in.values())
    lines = [f"{visible(rule)} fires {count} time{'s' if count != 1 else ''} where no atomic ran"]
    for recording, alerts in alerts_in.items():
        for alert in alerts[:_ALERTS]:
            lines += alert_lines(shown(alert))
        if len(alerts) > _ALERTS:
            lines.append(f"  and {len(alerts) - _ALERTS} more")
        lines += [f"  recorded in {visible(recording)}"] if alerts else []
    return "\n".join(lines)


def keys_of(expectation: Expectation, layer: str, result: AtomicResult) -> list[Key]:
    """The keys of the expectation that did not hold, as paths in its entry; empty where no key is the reason."""
    entry = expectation.entry
    if layer in ("executed", "seen"):
        key, signals, seen = (
            ("oracle", entry.oracle, result.executed.oracle)
            if layer == "executed"
            else ("signals", entry.signals, result.signals)
        )
        missing = {signal.name for signal in seen if not signal.seen}
        return [(key, number) for number, signal in enumerate(signals) if signal.name in missing]
    if layer == "fired":
        return [("fires",), *((key,) for key in ("false_alarms", "known_gap") if getattr(entry, key))]
    if layer == "flags":
        wrong: list[Key] = [("flags", name) for name, flag in result.flags.items() if flag.actual is not flag.expected]
        if isinstance(entry.rows, list):
            wrong = [("rows",)] if wrong else []
        grounds = {name: list(flag.grounds.values()) for name, flag in result.flags.items()}
        wrong += [("grounds", name) for name, holds in grounds.items() if not all(holds)]
        if result.fired.rows != result.fired.expected_rows:
            wrong.append(("rows",) if entry.rows else ("fires",))
        return wrong
    return []


def _excerpt(expectation: Expectation, keys: Sequence[Key]) -> list[str]:
    """The entry in its file. A key that comes from another file (`signals_from`) is not marked."""
    path = expectation.source.path
    base: Key = ("expectations", expectation.index)
    there = [key for key in keys if (*base, *key) in expectation.source.positions]
    around = [expectation.at()] + [expectation.at(*key[:n]) for key in there for n in range(1, len(key))]
    marked = [expectation.at(*key) for key in there] or [expectation.at()]
    return [f"{visible(_first(marked))}:", *excerpt(path.read_text(encoding="utf-8"), marked, around)]


def _first(positions: Sequence[Position]) -> Position:
    return min(positions, key=lambda position: (position.line, position.column))


def _pinned(expectation: Expectation, variant: str) -> Key:
    """The key of a variant among the known evasions, or else the key `fires`."""
    for number, known in enumerate(expectation.entry.evasions):
        if variant in known.variants:
            return ("evasions", number, "variants", known.variants.index(variant))
    return ("fires",)


def _key(result: AtomicResult) -> str:
    return f"{result.variant.family}.{result.variant.name}" if result.variant else result.atomic


def _names(head: str, names: list[str]) -> list[str]:
    more = [f"and {len(names) - _NAMES} more"] if len(names) > _NAMES else []
    text = head + ", ".join([*map(visible, names[:_NAMES]), *more])
    return textwrap.wrap(text, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
