"""Copies of recordings: canary tokens are random, so two captures never share one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.model.manifest import Manifest
from harness.recording.reader import Recording


def canaries(manifest: Manifest) -> frozenset[str]:
    """The tokens of all canaries of a capture."""
    return frozenset(_tokens(manifest))


def copies(captures: Sequence[Iterable[str]]) -> dict[int, int]:
    """The index of each copy, with the index of its original. Recordings are given by their canaries."""
    originals: dict[int, int] = {}
    first: dict[str, int] = {}
    for place, tokens in enumerate(captures):
        of = {first[token] for token in tokens if token in first}
        if of:
            originals[place] = min(of)
        first |= {token: originals.get(place, place) for token in tokens if token not in first}
    return originals


def copied(recordings: Sequence[Recording]) -> list[str]:
    """A line for each recording that is a copy of another one in the list."""
    of = copies([canaries(recording.manifest) for recording in recordings])
    return [f"{recordings[n].path}: {no_capture(str(recordings[first].path))}" for n, first in of.items()]


def no_capture(of: str) -> str:
    """Why a recording that has canaries of another does not count."""
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
