"""A container created and started by two commands instead of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.evasion.client_options import Option
from harness.evasion.meaning import ContainerCreation, Meaning, Way, text


def ways(meaning: Meaning) -> Iterator[Way]:
    """For `docker run`. `start --attach` waits for the end of the command, as `run` without `--detach` does."""
    if not isinstance(meaning, ContainerCreation) or meaning.verb != "run":
        return
    attach = "" if meaning.has("detach") else "--attach "
    kept = tuple(option for option in meaning.options if option.name != "detach")
    creation = replace(meaning, verb="create", options=kept)
    create = text(creation.words())
    under = text(["docker", "container", *creation.words()[1:]])
    yield "start", f'created=$({create})\ndocker start {attach}"$created"'
    yield "management-start", f'created=$({under})\ndocker container start {attach}"$created"'
    yield "start-piped", f"{create} | xargs docker start {attach}".rstrip()
    filed = f'docker create --cidfile "$HOME/created" {text(creation.words()[2:])}'
    yield "identity-file", f'{filed}\ndocker start {attach}"$(cat "$HOME/created")"'
    if not meaning.has("name"):
        named = text(replace(creation, options=(*kept, Option("name", "web-cache"))).words())
        yield "start-by-name", f"{named}\ndocker start {attach}web-cache"
