"""Whose a container is whose id the client chose."""

from __future__ import annotations

import pytest

from harness.telemetry.attribution.named_containers import NamedContainers
from harness.telemetry.schema import ambiguous

DEFAULT = "/run/containerd/containerd.sock"


def shim(address: str = DEFAULT, namespace: str = "default") -> list[str]:
    return f"/usr/bin/containerd-shim-runc-v2 -namespace {namespace} -id box -address {address} start".split()


def run_by(atomic: str, scripts: dict[str, str]) -> NamedContainers:
    """An atomic has run a container called `box`."""
    named = NamedContainers(scripts)
    named.note(atomic, "ctr run image box whoami".split())
    return named


def test_a_shim_that_was_there_before_the_log_is_nobodys() -> None:
    assert run_by("T1/a", {"T1/a": "ctr run image box"}).of_shim(shim()[:-1]) == ("box", "background")


def test_what_may_be_an_atomics_may_be_it_on_the_default_containerd_only() -> None:
    """Which script to ask isn't known then."""
    may_be = ambiguous("T1/a")
    assert run_by(may_be, {}).of_shim(shim()) == ("box", may_be)
    assert run_by(may_be, {}).of_shim(shim(address="/lab/c.sock")) == ("box", "background")
    assert run_by(may_be, {}).of_shim(shim(namespace="moby")) == ("box", "background")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["/usr/bin/containerd-shim-runc-v2"],
        ["/usr/bin/containerd-shim-runc-v2", "-info"],
        *([word for word in shim() if word != option] for option in ("-namespace", "-id", "-address")),
        ["/opt/containerd-shim/tool", *shim()[1:]],
    ],
    ids=" ".join,
)
def test_what_is_no_shim_of_a_container_serves_none(arguments: list[str]) -> None:
    assert run_by("T1/a", {"T1/a": "ctr run image box"}).of_shim(arguments) == ("", "background")
