"""Which variants are detonated with the atomics that a user has chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.errors import InvalidInput, LivefireError, NothingSelected
from harness.evasion import families, variants
from harness.model.atomic import Atomic
from harness.model.expectation import Expectation
from harness.model.source import did_you_mean


def with_marked(chosen: Sequence[Atomic], expectations: Iterable[Expectation]) -> list[Atomic]:
    """Each atomic, followed by its variants where an expectation says `evade`."""
    marked = {expectation.atomic for expectation in expectations if expectation.entry.evade}
    atomics: list[Atomic] = []
    for atomic in chosen:
        atomics += [atomic, *(variants(atomic) if atomic.id in marked else ())]
    return atomics


def with_controls(
    chosen: Sequence[Atomic],
    expected: Sequence[Expectation],
    known: Iterable[Atomic],
    every: Iterable[Expectation],
) -> tuple[list[Atomic], list[Expectation]]:
    """What is chosen, and the controls of each rule for which no benign run is chosen.

    Without a benign run a rule is not proven: it may fire on anything.
    """
    lacking = {e.source.path for e in expected} - {e.source.path for e in expected if e.entry.benign}
    atomics = {atomic.id: atomic for atomic in known}
    controls = [e for e in every if e.entry.control and e.source.path in lacking and e.atomic in atomics]
    added = dict.fromkeys(e.atomic for e in controls)
    taken = {atomic.id for atomic in chosen}
    return [*chosen, *(atomics[name] for name in added if name not in taken)], [*expected, *controls]


def with_all(chosen: Sequence[Atomic], only: Sequence[str]) -> list[Atomic]:
    """Each atomic, followed by its variants of the families `only`, or of all.

    Raises NothingSelected for an unknown family, and where no atomic has a variant.
    """
    known = [family.name for family in families()]
    for name in only:
        if name not in known:
            raise NothingSelected(f"there is no evasion family '{name}'", hint=did_you_mean(name, known))
    atomics: list[Atomic] = []
    for atomic in chosen:
        atomics += [atomic, *(v for v in variants(atomic) if v.variant and (not only or v.variant.family in only))]
    if len(atomics) == len(chosen):
        names = ", ".join(atomic.id for atomic in chosen)
        hint = "It understands docker run, create and exec, kubectl exec, and kubectl get of secrets and configmaps."
        raise NothingSelected(f"no family knows another way to do {names}", hint=hint)
    return atomics


def is_whole(chosen: Sequence[Atomic], selectors: Sequence[str]) -> bool:
    """Whether a selection names techniques or files, or everything, and no single atomic."""
    single = {name.lower() for atomic in chosen for name in (atomic.id, atomic.guid)}
    return not any(selector.lower() in single for selector in selectors)


def check_pins(expectations: Iterable[Expectation], atomics: Iterable[Atomic]) -> list[LivefireError]:
    """A mistake for each known evasion whose variant its atomic does not have."""
    known = {atomic.id: sorted(v.variant.key for v in variants(atomic) if v.variant) for atomic in atomics}
    problems: list[LivefireError] = []
    for expectation in expectations:
        keys = known.get(expectation.atomic, [])
        for number, evasion in enumerate(expectation.entry.evasions):
            for place, key in enumerate(evasion.variants):
                if key not in keys:
                    hint = did_you_mean(key, keys) if keys else "It has none."
                    at = expectation.at("evasions", number, "variants", place)
                    problems.append(InvalidInput(f"{expectation.atomic} has no variant '{key}'", at=at, hint=hint))
    return problems
