"""The same folder of the host at another place in the container, by another path, or with the folder above it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from harness.evasion.configuration import Bind, bind
from harness.evasion.meaning import ContainerCreation, Meaning, Way, text

_TARGETS = {"mnt": "/mnt", "hostfs": "/hostfs", "deep": "/opt/data/disk", "dotted": "/.h"}


def ways(meaning: Meaning) -> Iterator[Way]:
    """For the first folder of the host. Where the container's command names the place, it names the new one."""
    if not isinstance(meaning, ContainerCreation):
        return
    option = next((option for option in meaning.options if option.name == "volume"), None)
    found = bind(option.value) if option else None
    if option is None or found is None:
        return
    for name, other, place in _moved(found):
        moved = meaning.words({option: ["-v", str(other)]})
        start = len(moved) - len(meaning.command)
        yield name, text([*moved[:start], *(_renamed(word, found.target, place) for word in moved[start:])])


def _moved(found: Bind) -> Iterator[tuple[str, Bind, str]]:
    """Names, other binds, and the place where each has what the first one had at its target."""
    for name, target in _TARGETS.items():
        if target != found.target:
            yield name, Bind(found.source, target, found.mode), target
    source = PurePosixPath(found.source)
    if source != source.parent:
        yield "parent", Bind(str(source.parent), "/mnt", found.mode), f"/mnt/{source.name}"
        yield "root", Bind("/", "/mnt", found.mode), f"/mnt{source}"
    if found.source.startswith("/var/run/"):  # a link to /run
        yield "run", Bind(found.source.removeprefix("/var"), found.target, found.mode), found.target


def _renamed(word: str, target: str, place: str) -> str:
    if target == "/":
        return word
    return re.sub(rf"(?<![\w./-]){re.escape(target)}(?![\w.-])", lambda match: place, word)
