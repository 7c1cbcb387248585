"""Whose a request to the daemon is: that of the process that sent it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.model.manifest import Manifest
from harness.proof.attribution import DockerRequest
from harness.proof.attribution.docker_containers import DockerContainers
from harness.proof.attribution.docker_requests import DockerRequests
from harness.proof.attribution.peers import Peers
from harness.proof.tables.schema import ambiguous
from harness.recording import open_recording
from tests.conftest import COMMITTED

MANIFEST: Manifest = open_recording(COMMITTED).manifest
FIRST = MANIFEST.detonations[0]
assert FIRST.attack is not None
assert FIRST.attack.session is not None
AT = FIRST.attack.started.timestamp() + 0.01
SESSIONS = {FIRST.attack.session: FIRST.atomic}
ID, OTHER = "a" * 64, "b" * 64


def request(whose: str = FIRST.atomic, at: float = AT, path: str = "/v1.41/info", **more: Any) -> DockerRequest:
    values: dict[str, Any] = {"method": "POST", "status": 201, "container_id": ""} | more
    return DockerRequest(atomic=whose, sent=at, answered=at + 0.1, path=path, **values)


def settled(peer: dict[str, Any] | None, at: float = AT) -> str:
    return Peers(MANIFEST, SESSIONS).settle([request(at=at, peer=peer)])[0].atomic


def peer(**facts: Any) -> dict[str, Any]:
    return {"pid": 77, "started": 1.0, "session": None, "above": [5, 1], "cgroup": "0::/"} | facts


@pytest.mark.parametrize(
    ("found", "whose"),
    [
        (None, FIRST.atomic),  # nobody looked
        (peer(), "background"),  # a stranger who uses the atomic's socket
        (peer(session=FIRST.attack.session), FIRST.atomic),
        (peer(above=[FIRST.attack.pid, 1]), FIRST.atomic),  # it has left its session
        (peer(pid=FIRST.attack.pid), FIRST.atomic),
        (peer(pid=MANIFEST.harness_pid), "harness"),
        (peer(above=[MANIFEST.harness_pid, 1]), "harness"),
        ({"pid": 77, "started": None}, ambiguous(FIRST.atomic)),  # gone before anybody could look
        (peer(cgroup=f"0::/docker/{ID}"), "background"),
    ],
)
def test_who_asked(found: dict[str, Any] | None, whose: str) -> None:
    assert settled(found) == whose


def test_a_pid_of_the_attacks_is_another_process_once_the_attack_is_over() -> None:
    assert settled(peer(above=[FIRST.attack.pid] if FIRST.attack else []), AT + 3600) == "background"


def test_who_asks_out_of_a_container_is_who_made_it() -> None:
    made = request(path="/v1.41/containers/create", container_id=ID, peer=peer(session=next(iter(SESSIONS))))
    inside = request(whose="background", at=AT + 0.2, peer=peer(cgroup=f"0::/docker/{ID}"))
    assert [each.atomic for each in Peers(MANIFEST, SESSIONS).settle([made, inside])] == [FIRST.atomic] * 2


def event(container: str, action: str, at: float = AT, name: str = "n", **attributes: str) -> bytes:
    nanoseconds, names = int(at * 1e9), ", ".join(f'"{k.replace("_", ".")}": "{v}"' for k, v in attributes.items())
    more = f", {names}" if names else ""
    return (
        f'{{"event": {{"Type": "container", "Action": "{action}", "timeNano": {nanoseconds}, '
        f'"Actor": {{"ID": "{container}", "Attributes": {{"name": "{name}"{more}}}}}}}}}'
    ).encode()


def containers(requests: list[DockerRequest], events: list[bytes], running: str = "T1/x") -> DockerContainers:
    return DockerContainers(DockerRequests(requests, lambda _: running), events)


@pytest.mark.parametrize("named", [ID, ID[:12], "n"])
@pytest.mark.parametrize("verb", ["start", "restart?t=1"])
def test_a_container_is_its_who_started_it_from_then_on(named: str, verb: str) -> None:
    made = request("harness", AT - 9, container_id=ID)
    started = request("T1/a", AT, f"/v1.41/containers/{named}/{verb}", status=204)
    found = containers([made, started], [event(ID, "create", AT - 9), event(OTHER, "create", AT - 9, "other")])
    assert [found.of(ID, at) for at in (AT - 1, AT + 1, None)] == ["harness", "T1/a", "harness"]


def test_a_start_that_failed_starts_nothing() -> None:
    requests = [request("harness", container_id=ID), request("T1/a", AT, "/containers/n/start", status=404)]
    assert containers(requests, [event(ID, "create")]).of(ID, AT + 1) == "harness"


def test_what_a_build_or_a_service_makes_is_their_who_asked_for_them() -> None:
    build = request("T1/a", path="/v1.41/build?q=1", built=(ID[:12],))
    service = request("T1/b", path="/v1.41/services/create", service_id="s")
    events = [event(ID, "create"), event(OTHER, "create", com_docker_swarm_service_id="s")]
    found = containers([build, service], events)
    assert (found.of(ID), found.of(OTHER)) == ("T1/a", "T1/b")


def test_what_nobody_is_known_to_have_asked_for_may_be_the_attacks_that_ran() -> None:
    noted = [request(peer=peer())]
    assert containers(noted, [event(ID, "create")]).of(ID) == ambiguous("T1/x")
    assert containers(noted, [event(ID, "create")], running="").of(ID) == ""
    old = [replace(noted[0], peer=None)]  # then no gateway stood before the daemon's own socket
    assert containers(old, [event(ID, "create")]).of(ID) == ""
