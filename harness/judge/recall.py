"""The figures of a rule over all results: recall and false alarms by family, flags, and the effect of tuning.

Attacks are atomics on which the rule should fire, and variants that do the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.kql.engine import Row
from harness.kql.workspace import Workspace
from harness.model.atomic_result import Alert, AtomicResult
from harness.model.expectation import Expectation
from harness.model.rule_figures import BenignRuns, FlagCounts, Recall, TuningResult
from harness.model.verdict import Verdict
from harness.telemetry.schema import BACKGROUND

# The family of what runs by itself: the cluster's controllers, containerd, the runtime.
ORCHESTRATION = "orchestration"
# Verdicts that say nothing about the rule, as with a time limit or an unhealthy sensor.
_NOTHING_CLAIMED = (Verdict.INCONCLUSIVE, Verdict.SKIPPED)


@dataclass(frozen=True)
class RuleFigures:
    """The figures of one rule, beside its verdicts."""

    recall: dict[str, Recall]
    recall_split: dict[str, Recall]
    benign: dict[str, BenignRuns]
    flags: dict[str, FlagCounts]
    tuning: list[TuningResult]


def figures_of(
    expectations: Sequence[Expectation], results: Sequence[AtomicResult], background: list[Alert], workspace: Workspace
) -> RuleFigures:
    """The figures of the rule of these expectations. Raises QueryFailed where an exclusion can't be evaluated."""
    variants = [result for result in results if result.variant]
    families = sorted({result.variant.family for result in variants if result.variant})
    controls = [expectation.entry.control for expectation in expectations if expectation.entry.benign]
    alone = bool(controls) and all(controls)  # a control shows that a rule can be silent, and is not counted
    benign = {} if alone else _benign(results, background, workspace)
    return RuleFigures(
        recall={name: _recall(v for v in variants if v.variant and v.variant.family == name) for name in families},
        recall_split={
            name: _recall(v for v in variants if v.variant and v.variant.held_out is held_out)
            for name, held_out in (("tuned", False), ("held_out", True))
            if variants
        },
        benign=benign,
        flags=_flags(results, benign) if benign else {},
        tuning=_tuning(expectations, results, workspace) if benign and expectations[0].tuning else [],
    )


def _recall(variants: Iterable[AtomicResult]) -> Recall:
    executed = [result for result in variants if result.executed.effect and result.verdict not in _NOTHING_CLAIMED]
    same = [
        result
        for result in executed
        if result.variant and result.variant.equivalent and result.verdict is not Verdict.NOT_EXECUTED
    ]
    return Recall(
        executed=len(executed),
        equivalent=len(same),
        fired=sum(result.fired.actual for result in same),
        flags_right=sum(bool(result.variant and result.variant.flags_right) for result in same),
    )


def _benign(results: Sequence[AtomicResult], background: list[Alert], workspace: Workspace) -> dict[str, BenignRuns]:
    slices: dict[str, list[str]] = {}
    alerts: dict[str, list[Alert]] = {ORCHESTRATION: background}
    for result in results:
        if result.benign and result.executed.ran:
            slices.setdefault(result.benign, []).append(result.atomic)
            alerts.setdefault(result.benign, []).extend(result.alerts)
    if not slices:
        return {}
    slices.setdefault(ORCHESTRATION, []).append(BACKGROUND)
    return {
        family: BenignRuns(
            commands=sum(workspace.count(slice_)["DeviceProcessEvents"] for slice_ in names),
            alerts=len(alerts.get(family, [])),
            flags=_true_flags(alerts.get(family, [])),
        )
        for family, names in sorted(slices.items())
    }


def _flags(results: Sequence[AtomicResult], benign: dict[str, BenignRuns]) -> dict[str, FlagCounts]:
    attacks = _true_flags([alert for result in results if not result.benign for alert in result.alerts])
    false: dict[str, int] = {}
    for runs in benign.values():
        for name, count in runs.flags.items():
            false[name] = false.get(name, 0) + count
    names = sorted({name for result in results for name in result.flags} | attacks.keys() | false.keys())
    return {name: FlagCounts(attacks=attacks.get(name, 0), benign=false.get(name, 0)) for name in names}


def _true_flags(alerts: Iterable[Alert]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for alert in alerts:
        for name, value in alert.row.items():
            if value is True:
                counts[name] = counts.get(name, 0) + 1
    return counts


def _tuning(
    expectations: Sequence[Expectation], results: Sequence[AtomicResult], workspace: Workspace
) -> list[TuningResult]:
    """The rule unchanged, with each exclusion by itself, and with all exclusions that cost no recall."""
    rule, exclusions = expectations[0].rule, expectations[0].tuning
    attacks = [result.atomic for entry, result in zip(expectations, results, strict=True) if _is_attack(entry, result)]
    benign = [result.atomic for result in results if result.benign and result.executed.ran]
    fired = _Rows.of(rule.query, attacks, [*benign, BACKGROUND], workspace)
    tunings = [fired.without("as it is", "", workspace)]
    tunings += [fired.without(exclusion.name, exclusion.where, workspace) for exclusion in exclusions]
    free = [
        tuning
        for tuning in tunings[1:]
        if tuning.fired == tunings[0].fired and tuning.benign_alerts < tunings[0].benign_alerts
    ]
    if free:
        every = " or ".join(f"({tuning.where})" for tuning in free) if len(free) > 1 else free[0].where
        tunings.append(fired.without("all that cost no recall", every, workspace))
    return tunings


def _is_attack(expectation: Expectation, result: AtomicResult) -> bool:
    """Whether the rule should fire, known gap or not. A variant must do what its atomic does."""
    ought = expectation.entry.fires or expectation.entry.known_gap
    return bool(not result.benign and result.executed.effect and ought) and (
        result.variant is None or result.variant.equivalent
    )


@dataclass(frozen=True)
class _Rows:
    """All rows that a rule gives, companions included. `of_attack` holds the attack of each, None for a false alarm."""

    attacks: int
    rows: list[Row]
    of_attack: list[str | None]

    @classmethod
    def of(cls, query: str, attacks: Sequence[str], benign: Sequence[str], workspace: Workspace) -> _Rows:
        """The rows of a rule over these slices. Raises QueryFailed."""
        slices = [*((name, name) for name in attacks), *((name, None) for name in benign)]
        rows = [(row, attack) for name, attack in slices for row in workspace.query(query, name)]
        return cls(len(attacks), [row for row, _ in rows], [attack for _, attack in rows])

    def without(self, name: str, where: str, workspace: Workspace) -> TuningResult:
        """The figures when rows for which `where` holds are dropped, in one query over all rows."""
        left = workspace.passing(self.rows, f"not({where})") if where else self.rows
        kept = {id(row) for row in left}
        whose = [attack for row, attack in zip(self.rows, self.of_attack, strict=True) if id(row) in kept]
        return TuningResult(
            name=name,
            where=where,
            alerts=len(whose),
            benign_alerts=whose.count(None),
            attacks=self.attacks,
            fired=len({attack for attack in whose if attack is not None}),
        )
