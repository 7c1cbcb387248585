"""The verb under its management command: `docker container run` for `docker run`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evasion.meaning import Meaning, Way, text


def ways(meaning: Meaning) -> Iterator[Way]:
    """For Docker only: kubectl has one name for each verb."""
    if meaning.tool == "docker":
        words = meaning.words()
        yield f"container-{meaning.verb}", text(["docker", "container", *words[1:]])
        yield f"container-{meaning.verb}-debug", text(["docker", "--debug", "container", *words[1:]])
