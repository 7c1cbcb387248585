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

    A layer is a sensor (until the signals that it must give could be read), `telemetry` (until those of all sensors
    could), or `alert`, which is known in a live run alone.
    """

    rule: str
    atomic: str
    layer: str
    spread: Spread


def timed(results: Sequence[Result]) -> list[Timed]:
    """Each layer that was measured at least once, in the order of the results. Variants and copies are left out.

    Two rules may rest on other signals, so each has its own figures.
    """
    every = [each for result in counted(results) for each in result.results if each.variant is None]
    found = []
    for rule in dict.fromkeys(each.rule for each in every):
        of_rule = [each for each in every if each.rule == rule]
        for atomic in dict.fromkeys(each.atomic for each in of_rule):
            found += _layers(rule, atomic, [each for each in of_rule if each.atomic == atomic])
    return found


def _layers(rule: str, atomic: str, results: list[AtomicResult]) -> list[Timed]:
    measured: dict[str, list[float]] = {}
    for name in sorted({name for each in results for name in each.latency.sensors}):
        measured[name] = [each.latency.sensors[name] for each in results if name in each.latency.sensors]
    measured[TELEMETRY] = [each.latency.telemetry for each in results if each.latency.telemetry is not None]
    measured[ALERT] = [each.latency.alert for each in results if each.latency.alert is not None]
    spreads = [(layer, Spread.of(values)) for layer, values in measured.items()]
    return [Timed(rule, atomic, layer, spread) for layer, spread in spreads if spread]
