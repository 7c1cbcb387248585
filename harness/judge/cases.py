"""The cases to judge: each expectation with the detonations of its atomic and of the variants of that atomic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.model.expectation import Expectation, Signal
from harness.model.manifest import Detonation, Manifest
from harness.model.variant import Variant


@dataclass(frozen=True)
class Case:
    """One detonation under one expectation. `right` are the flag vectors that the rule should give, known gap or not.

    `oracle` is the oracle of a variant's atomic. It shows that there is an effect to compare with.
    """

    expectation: Expectation
    detonation: Detonation
    right: list[dict[str, bool]]
    oracle: Sequence[Signal] = ()


def cases(manifest: Manifest, expectations: Sequence[Expectation]) -> list[Case]:
    """The atomics that expectations name, each followed by its variants, in the order of the expectations.

    A variant needs no oracle, signals, rows or grounds: its effect shows that it does the same as its atomic. Variants
    are judged only where the rule should fire.
    """
    selected: list[Case] = []
    for expectation in expectations:
        right = expectation.entry.vectors
        for detonation in manifest.detonations:
            variant = detonation.variant
            if variant is None and detonation.atomic == expectation.atomic:
                selected.append(Case(expectation, detonation, right))
            elif variant and variant.of == expectation.atomic and expectation.entry.fires:
                selected.append(Case(of_variant(expectation, variant), detonation, right, expectation.entry.oracle))
    return selected


def of_variant(expectation: Expectation, variant: Variant) -> Expectation:
    """The expectation for a variant: the rule fires with the atomic's flags, unless it is a known evasion."""
    update: dict[str, object] = {"atomic": variant.id, "grounds": {}}
    update |= {"oracle": [], "signals": [], "evasions": []}
    for known in expectation.entry.evasions:
        if variant.key in known.variants:
            vectors = known.vectors(expectation.entry.vectors)
            update |= {"fires": bool(vectors), "flags": {}, "rows": vectors or None, "known_gap": known.reason}
    return replace(expectation, entry=expectation.entry.model_copy(update=update), variant=variant)
