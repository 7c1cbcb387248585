"""Whose a container is, and whose what runs in it may be."""

from __future__ import annotations

from typing import Any

import pytest

from harness.telemetry.attribution.docker_containers import DockerContainers
from harness.telemetry.attribution.identities import Identities
from harness.telemetry.attribution.owners import Owners
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.schema import ambiguous

ATTACK, OTHER, BOX = "T1/a", "T1/b", "a" * 64
AT = 1767225601.0  # 2026-01-01T00:00:01Z


def owners(**known: Any) -> Owners:
    """The attack has started BOX at AT, which was somebody else's."""
    daemon = DockerContainers(lambda _: "")
    daemon.note(DockerRequest(ATTACK, AT, AT + 1, "POST", f"/containers/{BOX}/start", 204, ""))
    return Owners(daemon, Identities({"other": OTHER}, lambda _: "", lambda *_: False), **known)


@pytest.mark.parametrize(
    ("container", "at", "whose"),
    [
        (BOX, AT, ATTACK),
        (BOX, AT - 1, OTHER),
        (BOX, None, OTHER),
        ("b" * 64, AT, "harness"),
        ("c" * 64, AT, "background"),
    ],
)
def test_a_container_is_its_who_started_it_last_or_who_is_known_to_have_made_it(
    container: str, at: float | None, whose: str
) -> None:
    assert owners(known={BOX: OTHER, "b" * 64: "harness"}).of(container, at) == whose


def test_whose_a_process_in_a_container_may_be_depends_on_the_moment() -> None:
    found = owners(known={BOX: OTHER})
    assert [found.inside(BOX, at, "nobody knows") for at in (AT - 1, AT)] == [OTHER, ATTACK]
    assert found.inside("c" * 64, AT, "nobody knows") == "nobody knows"


def test_who_has_reached_into_a_pod_may_be_in_its_containers_and_in_no_others() -> None:
    found = owners(pods={BOX: ("web", "p")})
    found.identities.of(
        {
            "verb": "create",
            "user": {"username": "other"},
            "objectRef": {"resource": "pods", "namespace": "web", "name": "p", "subresource": "exec"},
            "requestReceivedTimestamp": "2026-01-01T00:00:01Z",
            "responseStatus": {"code": 101},
        }
    )
    assert found.inside(BOX, AT, "") == ambiguous(ATTACK, OTHER)
    assert found.inside("c" * 64, AT, "nobody knows") == "nobody knows"
