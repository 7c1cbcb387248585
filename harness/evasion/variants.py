"""The variants of an atomic: its script with the attack done in each of the ways that the families know."""

from __future__ import annotations

from harness.evasion.registry import families
from harness.evasion.script import find_attack
from harness.model.atomic import Atomic
from harness.model.variant import Variant

# Further input arguments, with their defaults, which a way may use: an interpreter with the clients' packages.
_ARGUMENTS = {"python": "python3"}


def variants(atomic: Atomic) -> list[Atomic]:
    """Every variant of an atomic, by family, each with another command than all before it.

    Empty for a variant, for an attack whose meaning is not known, and for a shell other than bash.
    """
    script = atomic.executor.command
    attack = find_attack(script) if atomic.executor.name == "bash" and atomic.variant is None else None
    if attack is None:
        return []
    found: dict[str, Atomic] = {}
    for family in families():
        for name, text in family.ways(attack.meaning):
            command = attack.replaced_by(text)
            if command in found or command == script:
                continue
            added = {key: value for key, value in _ARGUMENTS.items() if f"#{{{key}}}" in text}
            found[command] = atomic.as_variant(Variant(of=atomic.id, family=family.name, name=name), command, added)
    return list(found.values())
