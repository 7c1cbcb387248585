"""Recordings that are one: a canary's token is drawn at random for each capture, so no two captures share one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.model.manifest import Manifest
from harness.recording.reader import Recording


def canaries(manifest: Manifest) -> frozenset[str]:
    """The tokens of all canaries of a capture."""
    return frozenset(_tokens(manifest))


def copies(captures: Sequence[Iterable[str]]) -> dict[int, int]:
    """Of recordings, given by their canaries: which is made from which, by their places; the first is no copy."""
    found: dict[int, int] = {}
    first: dict[str, int] = {}
    for place, tokens in enumerate(captures):
        of = {first[token] for token in tokens if token in first}
        if of:
            found[place] = min(of)
        first |= {token: found.get(place, place) for token in tokens if token not in first}
    return found


def copied(recordings: Sequence[Recording]) -> list[str]:
    """What is to be told of recordings that are judged together and are no captures of their own."""
    of = copies([canaries(each.manifest) for each in recordings])
    return [f"{recordings[n].path}: {no_capture(str(recordings[first].path))}" for n, first in of.items()]


def no_capture(of: str) -> str:
    """What is to be told of a recording that has canaries of another."""
    return f"it has canaries of {of}, so it is no capture of its own, and does not count"


def _tokens(manifest: Manifest) -> Iterator[str]:
    for sensor in manifest.sensors:
        for mark in sensor.marks:
            yield mark.token
            if mark.contained:
                yield mark.contained
    for detonation in manifest.detonations:
        for execution in [detonation.attack, *detonation.others]:
            yield from (canary.token for canary in execution.canaries) if execution else ()
