"""The variants of an atomic: its script with the attack done in each way that the families know."""

from __future__ import annotations

from harness.evasion.families import families
from harness.evasion.script import find_attack
from harness.model.atomic import Atomic
from harness.model.variant import Variant

# Further input arguments that a way may use, with their defaults: an interpreter with the clients' packages.
_ARGUMENTS = {"python": "python3"}
# Further prerequisites of a way, by a word in its text. A variant whose prerequisite is missing is skipped by name and
# does not count as failed.
_TOOLS = {
    "docker compose ": ("Docker's plugin compose must be installed", "docker compose version"),
    "docker-compose ": ("docker-compose must be installed", "command -v docker-compose"),
    "curl ": ("curl must be installed", "command -v curl"),
    "perl ": ("perl must be installed", "command -v perl"),
    "openssl ": ("openssl must be installed", "command -v openssl"),
    "busybox ": ("busybox must be installed", "command -v busybox"),
}


def variants(atomic: Atomic) -> list[Atomic]:
    """Every variant of an atomic, ordered by family; no two have the same command.

    Empty for a variant, for an attack whose meaning is not known, and for a shell other than bash.
    """
    script = atomic.executor.command
    attack = find_attack(script) if atomic.executor.name == "bash" and atomic.variant is None else None
    if attack is None:
        return []
    by_command: dict[str, Atomic] = {}
    for family in families():
        for name, text in family.ways(attack.meaning):
            command = attack.replaced_by(text)
            if command in by_command or command == script:
                continue
            added = {key: value for key, value in _ARGUMENTS.items() if f"#{{{key}}}" in text}
            needed = [tool for word, tool in _TOOLS.items() if word in text]
            variant = Variant(of=atomic.id, family=family.name, name=name)
            by_command[command] = atomic.as_variant(variant, command, added, needed)
    return list(by_command.values())
