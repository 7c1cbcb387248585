"""What is to be judged: each expectation with the detonations it speaks of, the variants of its atomic among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.model.expectation import Expectation, Signal
from harness.model.manifest import Detonation, Manifest
from harness.model.variant import Variant


@dataclass(frozen=True)
class Case:
    """One detonation under one rule. `right` are the flag vectors that the rule ought to give, known gap or not.

    `oracle` is that of a variant's atomic: what shows that there is anything to compare with.
    """

    expectation: Expectation
    detonation: Detonation
    right: list[dict[str, bool]]
    oracle: Sequence[Signal] = ()


def cases(manifest: Manifest, expectations: Sequence[Expectation]) -> list[Case]:
    """Each atomic that an expectation names, followed by its variants, in the order of the expectations.

    What an atomic must show for itself (oracle, signals, rows, grounds) is not asked of a variant: that it does the
    same is shown by its effect. An atomic on which the rule is silent, or a benign run, has no variants to judge.
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
    """What is expected of a variant: that the rule fires with the atomic's flags, unless a known evasion says else."""
    update: dict[str, object] = {"atomic": variant.id, "grounds": {}}
    update |= {"oracle": [], "signals": [], "evasions": []}
    for known in expectation.entry.evasions:
        if variant.key in known.variants:
            vectors = known.vectors(expectation.entry.vectors)
            update |= {"fires": bool(vectors), "flags": {}, "rows": vectors or None, "known_gap": known.reason}
    return replace(expectation, entry=expectation.entry.model_copy(update=update), variant=variant)
