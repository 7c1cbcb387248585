"""The same folder of the host at another place in the container, by another path, or with the folder above it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from harness.evasion.configuration import Bind, bind
from harness.evasion.meaning import ContainerCreation, Meaning, Way, text

_TARGETS = {"mnt": "/mnt", "hostfs": "/hostfs", "deep": "/opt/data/disk", "dotted": "/.h"}


def ways(meaning: Meaning) -> Iterator[Way]:
    """For the first folder of the host. The container's command gets the new place, where it names the old one."""
    if not isinstance(meaning, ContainerCreation):
        return
    option = next((option for option in meaning.options if option.name == "volume"), None)
    original = bind(option.value) if option else None
    if option is None or original is None:
        return
    for name, replacement, place in _moved(original):
        moved = meaning.words({option: ["-v", str(replacement)]})
        start = len(moved) - len(meaning.command)
        yield name, text([*moved[:start], *(_renamed(word, original.target, place) for word in moved[start:])])


def _moved(original: Bind) -> Iterator[tuple[str, Bind, str]]:
    """(name, other bind, the path in that bind of what the original had at its target)."""
    for name, target in _TARGETS.items():
        if target != original.target:
            yield name, Bind(original.source, target, original.mode), target
    source = PurePosixPath(original.source)
    if source != source.parent:
        yield "parent", Bind(str(source.parent), "/mnt", original.mode), f"/mnt/{source.name}"
        yield "root", Bind("/", "/mnt", original.mode), f"/mnt{source}"
    if original.source.startswith("/var/run/"):  # a link to /run
        yield "run", Bind(original.source.removeprefix("/var"), original.target, original.mode), original.target


def _renamed(word: str, target: str, place: str) -> str:
    if target == "/":
        return word
    return re.sub(rf"(?<![\w./-]){re.escape(target)}(?![\w.-])", lambda match: place, word)
