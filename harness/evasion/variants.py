"""The variants of an atomic: its script with the attack done in each of the ways that the families know."""

from __future__ import annotations

from harness.evasion.families import families
from harness.evasion.script import find_attack
from harness.model.atomic import Atomic
from harness.model.variant import Variant

# Further input arguments, with their defaults, which a way may use: an interpreter with the clients' packages.
_ARGUMENTS = {"python": "python3"}
# What a way needs beyond the attack's own prerequisites, by a word that stands in its text: a variant for which that
# can't be had is skipped by name, and is no variant that failed.
_TOOLS = {
    "docker compose ": ("Docker's plugin compose must be installed", "docker compose version"),
    "docker-compose ": ("docker-compose must be installed", "command -v docker-compose"),
    "curl ": ("curl must be installed", "command -v curl"),
    "perl ": ("perl must be installed", "command -v perl"),
    "openssl ": ("openssl must be installed", "command -v openssl"),
    "busybox ": ("busybox must be installed", "command -v busybox"),
}


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
            needed = [tool for word, tool in _TOOLS.items() if word in text]
            variant = Variant(of=atomic.id, family=family.name, name=name)
            found[command] = atomic.as_variant(variant, command, added, needed)
    return list(found.values())
