"""The account of a rule over all results: recall and false alarms by family, flags, and what tuning would change.

Attacks are atomics on which the rule ought to fire, and variants that were shown to do the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.model.expectation import Expectation
from harness.model.result import Alert, AtomicResult, BenignRuns, FlagCounts, Recall, TuningResult
from harness.proof.engines import Engine
from harness.proof.tables.schema import BACKGROUND

# What runs by itself: the cluster's controllers, containerd, the runtime.
ORCHESTRATION = "orchestration"


@dataclass(frozen=True)
class Account:
    """What is to be reported of one rule beside its verdicts."""

    recall: dict[str, Recall]
    recall_split: dict[str, Recall]
    benign: dict[str, BenignRuns]
    flags: dict[str, FlagCounts]
    tuning: list[TuningResult]


def account(
    expectations: Sequence[Expectation], results: Sequence[AtomicResult], background: list[Alert], engine: Engine
) -> Account:
    """The account of the rule of these expectations. Raises QueryFailed where an exclusion can't be evaluated."""
    variants = [each for each in results if each.variant]
    families = sorted({each.variant.family for each in variants if each.variant})
    benign = _benign(results, background, engine)
    return Account(
        recall={name: _recall(v for v in variants if v.variant and v.variant.family == name) for name in families},
        recall_split={
            name: _recall(v for v in variants if v.variant and v.variant.held_out is held_out)
            for name, held_out in (("tuned", False), ("held_out", True))
            if variants
        },
        benign=benign,
        flags=_flags(results, benign),
        tuning=_tuning(expectations, results, engine) if expectations[0].tuning else [],
    )


def _recall(variants: Iterable[AtomicResult]) -> Recall:
    executed = [each for each in variants if each.executed.effect]
    same = [each for each in executed if each.variant and each.variant.equivalent]
    return Recall(
        executed=len(executed),
        equivalent=len(same),
        fired=sum(each.fired.actual for each in same),
        flags_right=sum(bool(each.variant and each.variant.flags_right) for each in same),
    )


def _benign(results: Sequence[AtomicResult], background: list[Alert], engine: Engine) -> dict[str, BenignRuns]:
    slices: dict[str, list[str]] = {}
    alerts: dict[str, list[Alert]] = {ORCHESTRATION: background}
    for each in results:
        if each.benign and each.executed.ran:
            slices.setdefault(each.benign, []).append(each.atomic)
            alerts.setdefault(each.benign, []).extend(each.alerts)
    if not slices:
        return {}
    slices.setdefault(ORCHESTRATION, []).append(BACKGROUND)
    return {
        family: BenignRuns(
            commands=sum(engine.count(slice_)["DeviceProcessEvents"] for slice_ in names),
            alerts=len(alerts.get(family, [])),
            flags=_true_flags(alerts.get(family, [])),
        )
        for family, names in sorted(slices.items())
    }


def _flags(results: Sequence[AtomicResult], benign: dict[str, BenignRuns]) -> dict[str, FlagCounts]:
    attacks = _true_flags([alert for each in results if not each.benign for alert in each.alerts])
    false: dict[str, int] = {}
    for runs in benign.values():
        for name, count in runs.flags.items():
            false[name] = false.get(name, 0) + count
    names = sorted({name for each in results for name in each.flags} | attacks.keys() | false.keys())
    return {name: FlagCounts(attacks=attacks.get(name, 0), benign=false.get(name, 0)) for name in names}


def _true_flags(alerts: Iterable[Alert]) -> dict[str, int]:
    found: dict[str, int] = {}
    for alert in alerts:
        for name, value in alert.row.items():
            if value is True:
                found[name] = found.get(name, 0) + 1
    return found


def _tuning(expectations: Sequence[Expectation], results: Sequence[AtomicResult], engine: Engine) -> list[TuningResult]:
    """The rule as it is, then with each exclusion by itself, then with all of them."""
    rule, exclusions = expectations[0].rule, expectations[0].tuning
    found = [_tuned("as it is", "", rule.query, results, engine)]
    for exclusion in exclusions:
        query = f"{rule.query}\n| where not({exclusion.where})"
        found.append(_tuned(exclusion.name, exclusion.where, query, results, engine))
    if len(exclusions) > 1:
        every = " or ".join(f"({exclusion.where})" for exclusion in exclusions)
        found.append(_tuned("all of these", every, f"{rule.query}\n| where not({every})", results, engine))
    return found


def _tuned(name: str, where: str, query: str, results: Sequence[AtomicResult], engine: Engine) -> TuningResult:
    attacks = [r for r in results if not r.benign and r.executed.effect and (r.fired.expected or r.variant)]
    counts = {each.atomic: len(engine.query(query, each.atomic)) for each in attacks}
    benign = [each.atomic for each in results if each.benign and each.executed.ran] + [BACKGROUND]
    false = sum(len(engine.query(query, slice_)) for slice_ in benign)
    return TuningResult(
        name=name,
        where=where,
        alerts=sum(counts.values()) + false,
        benign_alerts=false,
        attacks=len(attacks),
        fired=sum(count > 0 for count in counts.values()),
    )
