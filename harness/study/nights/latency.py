"""How long each layer took, over several results: percentiles by rule, atomic and layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.atomic_result import AtomicResult
from harness.model.result import Result, counted
from harness.model.spread import Spread

TELEMETRY, ALERT = "telemetry", "alert"


@dataclass(frozen=True)
class Timed:
    """The seconds from the exec of one atomic to one layer.

    A layer is a sensor (until its required signals could be read), `telemetry` (until those of all sensors could), or
    `alert`, which only a live run knows.
    """

    rule: str
    atomic: str
    layer: str
    spread: Spread


def timed(results: Sequence[Result]) -> list[Timed]:
    """Each layer that was measured at least once, in the order of the results. Variants and copies are left out.

    Two rules may need other signals, so each has its own figures.
    """
    every = [case for result in counted(results) for case in result.results if case.variant is None]
    timed_layers = []
    for rule in dict.fromkeys(case.rule for case in every):
        of_rule = [case for case in every if case.rule == rule]
        for atomic in dict.fromkeys(case.atomic for case in of_rule):
            timed_layers += _layers(rule, atomic, [case for case in of_rule if case.atomic == atomic])
    return timed_layers


def _layers(rule: str, atomic: str, results: list[AtomicResult]) -> list[Timed]:
    measured: dict[str, list[float]] = {}
    for name in sorted({name for case in results for name in case.latency.sensors}):
        measured[name] = [case.latency.sensors[name] for case in results if name in case.latency.sensors]
    measured[TELEMETRY] = [case.latency.telemetry for case in results if case.latency.telemetry is not None]
    measured[ALERT] = [case.latency.alert for case in results if case.latency.alert is not None]
    spreads = [(layer, Spread.of(values)) for layer, values in measured.items()]
    return [Timed(rule, atomic, layer, spread) for layer, spread in spreads if spread]
