"""Which oracles and signals apply to which kind of lab, and where none is left to judge by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from harness.errors import InvalidInput, LivefireError
from harness.model.expectation import Expectation, Signal
from harness.model.manifest import LabFacts

Kind = Literal["nodes", "bare", "none"]
KINDS: dict[Kind, str] = {
    "nodes": "a cluster that has nodes",
    "bare": "a bare control plane",
    "none": "no cluster",
}


def kind_of(lab: LabFacts) -> Kind:
    """The kind of a recording's lab."""
    if lab.cluster is None:
        return "none"
    return "nodes" if lab.has_nodes else "bare"


def on(kind: Kind, signals: Iterable[Signal]) -> list[Signal]:
    """The signals that apply to this kind of lab."""
    return [signal for signal in signals if signal.cluster in (None, kind)]


def lacking(expectation: Expectation, kind: Kind) -> str:
    """Why an expectation can't be judged on this kind of lab; empty where it can. A variant needs only its effect."""
    if expectation.variant:
        return ""
    kept = {"oracle": on(kind, expectation.entry.oracle), "signal": on(kind, expectation.entry.signals)}
    missing = [name for name, signals in kept.items() if not signals]
    return f"it can't be judged on a lab with {KINDS[kind]}: no {' and no '.join(missing)} is left" if missing else ""


def check_labs(expectations: Iterable[Expectation]) -> tuple[list[LivefireError], list[str]]:
    """Errors for expectations that fit no kind of lab; notes for the kinds that an expectation doesn't fit."""
    problems: list[LivefireError] = []
    notes: list[str] = []
    for expectation in expectations:
        reasons = {kind: why for kind in KINDS if (why := lacking(expectation, kind))}
        if len(reasons) == len(KINDS):
            why = f"'{expectation.atomic}' can't be judged on any kind of lab"
            hint = "An oracle and a signal must remain: " + "; ".join(reasons.values())
            problems.append(InvalidInput(why, at=expectation.at("atomic"), hint=hint))
        else:
            notes += [f"{expectation.at('atomic')}: {expectation.atomic}: {why}" for why in reasons.values()]
    return problems, notes
