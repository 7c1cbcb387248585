"""Whose a container's process is: by who made the container, who started it since, and who had it executed there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.model.manifest import Manifest
from harness.recording import Recording
from harness.telemetry.attribution import Attribution
from harness.telemetry.readers.audit_log import read_events
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.readers.seen_pods import read_pods
from harness.telemetry.schema import ambiguous
from tests.unit.telemetry.attribution.asking import residents_of
from tests.unit.telemetry.attribution.placing import ID, NONE, attack, executed, place, placed_of, request, user_of

AT = 1700000000.0
SHIM = f"containerd-shim-runc-v2 -namespace moby -id {ID}"
RUNC = "runc --log /run/{0}/log.json exec --process /tmp/p --detach --pid-file /run/{0}/{1}.pid {0}"
EXEC_ID, STRANGE = "e" * 64, "f" * 64


@pytest.fixture
def manifest(committed: Recording) -> Manifest:
    return committed.manifest


def exec_asked(atomic: str) -> DockerRequest:
    return DockerRequest(atomic, 1.0, 2.0, "POST", f"/v1.41/containers/{ID}/exec", 201, "", EXEC_ID)


def asks(whose: str, path: str, sent: float, **more: Any) -> DockerRequest:
    return DockerRequest(whose, sent, sent + 0.1, "POST", path, 204, "", **more)


def happened(action: str, at: float = 1.0, **attributes: str) -> bytes:
    told = {"Type": "container", "Action": action, "Actor": {"ID": ID, "Attributes": attributes}}
    return json.dumps({"event": told | {"timeNano": int(at * 1e9)}}).encode()


def test_a_container_is_his_who_started_it_from_then_on(manifest: Manifest) -> None:
    atomic, _, _ = attack(manifest)
    events = [happened("create", name="box")]
    attribution = Attribution(manifest, [asks(atomic, "/v1.41/containers/box/start", AT)], daemon_events=events)
    assert [attribution.of_container(ID, at) for at in (AT - 0.001, AT, None)] == ["background", atomic, "background"]


def test_a_container_that_nobody_asked_for_may_be_that_of_the_attack_which_ran(manifest: Manifest) -> None:
    """Where each request was noted, one that was not has gone past all gateways."""
    first = manifest.detonations[0]
    assert first.attack
    noted = asks(
        "background", "/info", 1.0, peer={"pid": 5, "started": 1.0, "session": None, "above": [], "cgroup": ""}
    )
    for at, whose in ((first.attack.started.timestamp() + 0.01, ambiguous(first.atomic)), (1.0, "background")):
        attribution = Attribution(manifest, [noted], daemon_events=[happened("create", at)])
        assert attribution.of_container(ID, at) == whose


@pytest.mark.parametrize(("early", "its"), [(0.01, True), (0.03, False)])
def test_the_kernels_clock_may_lag_behind_the_request_that_started_a_container(
    manifest: Manifest, early: float, its: bool
) -> None:
    """By a hundredth of a second."""
    atomic, _, _ = attack(manifest)
    made = DockerRequest("harness", 1.0, 2.0, "POST", "/v1.41/containers/create", 201, ID)
    found = place(manifest, [(10, 1, NONE, SHIM)], made, asks(atomic, f"/containers/{ID}/start", AT), time=AT - early)
    assert [p.slice for p in found] == [atomic if its else "harness"]


def test_a_container_that_is_older_than_the_log(manifest: Manifest) -> None:
    """Its shim is not in it. Who enters it is known by the request."""
    atomic, _, _ = attack(manifest)
    execs = [
        (20, 10, NONE, RUNC.format(ID, EXEC_ID)),
        (22, 10, NONE, "whoami"),
        (30, 10, NONE, RUNC.format(ID, STRANGE)),
        (32, 10, NONE, "id"),
        (40, 10, NONE, f"runc delete {ID}"),
    ]
    found = place(manifest, execs, request("harness"), exec_asked(atomic))
    assert [(p.slice, p.in_container) for p in found] == [
        (atomic, False),
        (atomic, True),
        ("background", False),
        ("background", True),
        ("harness", False),
    ]


def test_one_that_is_entered_and_executes_twice_is_entered_once(manifest: Manifest) -> None:
    """Neither the container's own process nor the runtime in front of runc takes another's place."""
    atomic, _, _ = attack(manifest)
    execs = [
        (10, 1, NONE, SHIM),
        (11, 10, NONE, "sleep"),
        (20, 10, NONE, "sh /x/runc-bounded " + RUNC.format(ID, EXEC_ID)),
        (20, 10, NONE, RUNC.format(ID, EXEC_ID)),
        (11, 10, NONE, "sleep 2"),
        (22, 10, NONE, "whoami"),
        (30, 10, NONE, RUNC.format(ID, STRANGE)),
        (32, 10, NONE, "id"),
    ]
    found = [p.slice for p in place(manifest, execs, request("harness"), exec_asked(atomic))]
    assert found == ["harness"] * 2 + [atomic] * 2 + ["harness", atomic] + ["background"] * 2


def test_a_number_that_a_container_tells_of_its_child_is_no_pid_here(manifest: Manifest) -> None:
    atomic, _, _ = attack(manifest)
    born = f"arch=c000003e syscall=56 success=yes exit=900 ppid=10 pid=11 uid=0 ses={NONE}"
    lines = [
        *executed(1, 10, 1, NONE, SHIM, AT),
        *executed(2, 11, 10, NONE, "sleep", AT),
        *executed(3, 11, 10, NONE, "sh", AT),
        f"type=SYSCALL msg=audit({AT:.3f}:4): {born}",
        *executed(5, 900, 1, NONE, "docker run", AT + 0.1),
        *executed(6, 901, 11, NONE, "id", AT + 0.1),
    ]
    found = [p.slice for p in placed_of(manifest, lines, [request(atomic)])]
    assert found == [atomic, atomic, atomic, "background", atomic]


POD = json.dumps(
    {"time": AT, "namespace": "web", "name": "box", "container_ids": [ID], "account": "runs", "address": "10.1.2.3"}
)


def api(user: str, verb: str, resource: str, at: float, **more: Any) -> bytes:
    event = {
        "kind": "Event",
        "verb": verb,
        "user": {"username": user},
        "objectRef": {"resource": resource, "namespace": "web", "name": "box"},
        "requestReceivedTimestamp": datetime.fromtimestamp(at, UTC).isoformat(),
        "stageTimestamp": datetime.fromtimestamp(at + 1, UTC).isoformat(),
        "responseStatus": {"code": 200},
        "requestURI": "/x",
    }
    return json.dumps(event | more).encode()


def test_whose_a_request_to_the_api_server_is(manifest: Manifest) -> None:
    """By its user; a canary; what comes from a pod; and, in Livefire's own name while an attack runs, by its client."""
    atomic, user = user_of(manifest)
    running = manifest.detonations[0]
    assert running.attack
    during = running.attack.started.timestamp() + 0.01
    mark = next(m for sensor in manifest.sensors for m in sensor.marks)
    canary = f"/api/v1/namespaces/default/configmaps/{mark.token}"
    ours = manifest.harness_users[0]
    lines = [
        api(user, "list", "secrets", AT),
        api("mallory", "list", "secrets", AT),
        api("mallory", "get", "configmaps", mark.emitted.timestamp(), requestURI=canary),
        api(ours, "get", "configmaps", mark.emitted.timestamp(), requestURI=canary, userAgent="livefire"),
        api(ours, "list", "secrets", during, userAgent="kubectl"),
        api(ours, "list", "secrets", AT, userAgent="kubectl"),
        api(user, "create", "pods", AT),
        api("mallory", "list", "secrets", AT, sourceIPs=["10.1.2.3"]),
    ]
    attribution = Attribution(manifest, [], kube_audit=lines, pods=read_pods([POD]))
    unclear = ambiguous(running.atomic)
    expected = [atomic, "background", "harness", "harness", unclear, "harness", atomic, atomic]
    assert attribution.callers == expected


def test_who_has_a_process_executed_in_a_pod(manifest: Manifest) -> None:
    atomic, user = user_of(manifest)
    asked = api(
        user,
        "create",
        "pods",
        AT - 0.5,
        objectRef={"resource": "pods", "namespace": "web", "name": "box", "subresource": "exec"},
    )
    execs = [(20, 10, NONE, f"runc --root r exec --process p {ID}"), (22, 10, NONE, "id")]
    lines = [line for n, each in enumerate(execs) for line in executed(n + 1, *each, AT)]
    for kube, whose in (([asked], atomic), ([], "background")):
        found = placed_of(manifest, lines, kube_audit=kube, pods=read_pods([POD]))
        assert [p.slice for p in found] == [whose] * 2


def test_what_was_there_before_asks_the_daemon_for_who_asked_it(manifest: Manifest) -> None:
    first = manifest.detonations[0]
    assert first.attack
    at = first.attack.started.timestamp() + 0.01
    head, path = f"msg=audit({at:.3f}:1):", (b"\x01\x00/run/d.sock\x00").hex().upper()
    contact = [
        f"type=SYSCALL {head} arch=c000003e syscall=42 success=yes exit=0 ppid=4 pid=5 ses={first.attack.session}",
        f"type=SOCKADDR {head} saddr={path}",
    ]
    daemon = {"pid": 70, "parent": 1, "started": at - 9, "name": "daemon", "path": "/daemon", "session": None}
    alive = json.dumps(daemon | {"contained": False, "ours": False, "asked_at": ["/run/d.sock"]})
    residents = residents_of(manifest, [alive], read_events(contact))
    peer: dict[str, Any] = {"pid": 70, "started": 1.0, "session": None, "above": [], "cgroup": ""}
    asked = asks("background", "/containers/x/start", at + 0.02, peer=peer)
    assert [r.atomic for r in Attribution(manifest, [asked], residents=residents).requests] == [ambiguous(first.atomic)]
    assert [r.atomic for r in Attribution(manifest, [asked]).requests] == ["background"]
