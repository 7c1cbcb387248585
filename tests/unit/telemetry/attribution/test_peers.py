"""Whose a request to the daemon is: that of the process that sent it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.model.manifest import LabPart, Manifest
from harness.recording import open_recording
from harness.telemetry.attribution.contacts import Contact
from harness.telemetry.attribution.docker_containers import DockerContainers
from harness.telemetry.attribution.docker_requests import DockerRequests
from harness.telemetry.attribution.identities import Identities, read_identities
from harness.telemetry.attribution.owners import Owners
from harness.telemetry.attribution.peers import Peers
from harness.telemetry.attribution.residents import Residents
from harness.telemetry.attribution.sessions import Sessions
from harness.telemetry.readers.alive_processes import Resident
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.readers.seen_pods import PodName
from harness.telemetry.schema import ambiguous
from tests.conftest import COMMITTED
from tests.unit.telemetry.attribution.test_identities import event as kube_event

MANIFEST: Manifest = open_recording(COMMITTED).manifest
FIRST = MANIFEST.detonations[0]
assert FIRST.attack is not None
assert FIRST.attack.session is not None
SESSION = FIRST.attack.session
AT = FIRST.attack.started.timestamp() + 0.01
ID, OTHER = "a" * 64, "b" * 64


def request(whose: str = FIRST.atomic, at: float = AT, path: str = "/v1.41/info", **more: Any) -> DockerRequest:
    values: dict[str, Any] = {"method": "POST", "status": 201, "container_id": ""} | more
    return DockerRequest(atomic=whose, sent=at, answered=at + 0.1, path=path, **values)


def settled(peer: dict[str, Any] | None, at: float = AT) -> str:
    return whose([request(at=at, peer=peer)])[0]


def peers_of(manifest: Manifest, residents: Residents) -> Peers:
    return Peers(manifest, Sessions(manifest), residents)


def whose(
    requests: list[DockerRequest],
    events: list[bytes] | None = None,
    residents: Residents | None = None,
    known: dict[str, str] | None = None,
    pods: dict[str, PodName] | None = None,
    kube_audit: list[dict[str, Any]] | None = None,
    manifest: Manifest = MANIFEST,
) -> list[str]:
    """The slices of requests, which stand in the recording in any order."""
    peers = peers_of(manifest, residents or Residents(manifest))
    daemon = DockerContainers(DockerRequests(requests, peers.past_gateways).unknown, events or [])
    identities = Identities({"sa-of-first": FIRST.atomic}, peers.running, lambda *_: False)
    read_identities(identities, [json.dumps(each).encode() for each in kube_audit or []])
    return [each.atomic for each in peers.settle(requests, Owners(daemon, identities, pods or {}, known or {}))]


def peer(**facts: Any) -> dict[str, Any]:
    return {"pid": 77, "started": 1.0, "session": None, "above": [5, 1], "cgroup": "0::/"} | facts


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, FIRST.atomic),  # nobody looked
        (peer(), "background"),  # a stranger who uses the atomic's socket
        (peer(session=SESSION), FIRST.atomic),
        (peer(above=[FIRST.attack.pid, 1]), FIRST.atomic),  # it has left its session
        (peer(pid=FIRST.attack.pid), FIRST.atomic),
        (peer(pid=MANIFEST.harness_pid), "harness"),
        (peer(above=[MANIFEST.harness_pid, 1]), "harness"),
        ({"pid": 77, "started": None}, ambiguous(FIRST.atomic)),  # gone before anybody could look
        (peer(cgroup=f"0::/docker/{ID}"), ambiguous(FIRST.atomic)),  # nobody knows whose it is
        (peer(session=999_999), "background"),
        (peer(session=[FIRST.attack.session]), "background"),  # no number
        (peer(above=[5, MANIFEST.harness_pid]), "background"),  # a grandchild is none of Livefire's own
        ({"pid": 77, "started": 1.0}, "background"),
    ],
)
def test_who_asked(found: dict[str, Any] | None, expected: str) -> None:
    assert settled(found) == expected


def test_one_that_was_gone_before_anybody_could_look_while_no_attack_ran_is_told_by_its_socket() -> None:
    assert settled({"pid": 77, "started": None}, AT + 3600) == FIRST.atomic


def test_a_shell_is_livefires_while_it_runs_and_right_before_and_after() -> None:
    attack, other = FIRST.attack, next(each for d in MANIFEST.detonations for each in d.others)
    assert attack
    for shell, whose in ((attack, FIRST.atomic), (other, "harness")):
        first, last = shell.started.timestamp() - 0.05, shell.finished.timestamp() + 0.05
        for at, expected in ((first, whose), (last, whose), (first - 0.01, "background"), (last + 0.01, "background")):
            assert settled(peer(pid=shell.pid), at) == expected


def test_which_attack_runs_is_told_with_what_is_right_before_and_after_or_without() -> None:
    skipped = FIRST.model_copy(update={"atomic": "T1/skipped", "skipped": "no cluster", "attack": None})
    peers = peers_of(MANIFEST.model_copy(update={"detonations": [skipped, FIRST]}), Residents(MANIFEST))
    assert FIRST.attack
    started, finished = FIRST.attack.started.timestamp(), FIRST.attack.finished.timestamp()
    for at in (started, finished):
        assert peers.during(at) == peers.running(at) == FIRST.atomic
    for at in (started - 0.05, finished + 0.05):
        assert (peers.during(at), peers.running(at)) == (FIRST.atomic, "")
    for at in (started - 0.06, finished + 0.06):
        assert peers.during(at) == peers.running(at) == ""
    found = whose([request(at=started, peer=peer(pid=FIRST.attack.pid))], manifest=peers.manifest)
    assert found == [FIRST.atomic]


HOST = LabPart(kind="host", name="unix:///run/docker.sock", version="28", reason="asked for")
SOMEBODY = [
    Resident(
        pid=70,
        parent=1,
        started=1.0,
        name="dockerd",
        path="/usr/bin/dockerd",
        session=None,
        contained=False,
        ours=False,
        asked_at=frozenset({"/run/docker.sock"}),
    )
]
CONTACT = Contact(AT, FIRST.atomic, "/run/docker.sock")


@pytest.mark.parametrize(
    ("docker", "residents", "whose"),
    [
        (HOST, Residents(MANIFEST, SOMEBODY, [CONTACT]), FIRST.atomic),
        (HOST, Residents(MANIFEST, SOMEBODY), ""),  # it was seen that the attack asked nobody there
        (HOST, Residents(MANIFEST), FIRST.atomic),  # nobody looked
        (HOST.model_copy(update={"kind": "managed"}), Residents(MANIFEST, SOMEBODY), FIRST.atomic),
        (None, Residents(MANIFEST, SOMEBODY), FIRST.atomic),
    ],
)
def test_past_all_gateways_an_attack_may_have_asked_while_it_runs(
    docker: LabPart | None, residents: Residents, whose: str
) -> None:
    manifest = MANIFEST.model_copy(update={"lab": MANIFEST.lab.model_copy(update={"docker": docker})})
    peers = peers_of(manifest, residents)
    assert peers.past_gateways(AT) == whose
    assert peers.past_gateways(AT + 3600) == ""


@pytest.mark.parametrize(("above", "expected"), [([70, 1], ambiguous(FIRST.atomic)), ([5, "70"], "background")])
def test_a_request_of_one_that_the_attack_has_asked_may_be_the_attacks(above: list[object], expected: str) -> None:
    asked = [replace(each, name="daemon") for each in SOMEBODY]
    residents = Residents(MANIFEST, asked, [CONTACT])
    assert whose([request(peer=peer(above=above))], residents=residents) == [expected]


def test_a_pid_of_the_attacks_is_another_process_once_the_attack_is_over() -> None:
    assert settled(peer(above=[FIRST.attack.pid] if FIRST.attack else []), AT + 3600) == "background"


def test_who_asks_out_of_a_container_is_who_made_it() -> None:
    made = request(path="/v1.41/containers/create", container_id=ID, peer=peer(session=SESSION))
    inside = request(whose="background", at=AT + 0.2, peer=peer(cgroup=f"0::/docker/{ID}"))
    assert whose([made, inside]) == whose([inside, made]) == [FIRST.atomic] * 2


BY_ATTACK, BY_LIVEFIRE = peer(session=SESSION), peer(pid=MANIFEST.harness_pid)
CREATE = "/v1.41/containers/create"


def inside(container: str = ID, at: float = AT + 0.2, prefix: str = "/docker/") -> DockerRequest:
    """A request from a process in a container."""
    return request("background", at, CREATE, container_id=OTHER, peer=peer(cgroup=f"0::{prefix}{container}"))


@pytest.mark.parametrize("named", [ID, ID[:12], "n"])
def test_who_asks_out_of_anothers_container_may_be_who_executes_there(named: str) -> None:
    made = request("x", AT - 5, CREATE, container_id=ID, peer=BY_LIVEFIRE)
    entered = request("x", AT, f"/v1.41/containers/{named}/exec", exec_id="e" * 64, peer=BY_ATTACK)
    events = [event(ID, "create", AT - 5), event(ID, "exec_create: sh", AT, execID="e" * 64)]
    assert whose([made, inside()], events[:1])[1] == "harness"
    assert whose([made, entered, inside()], events)[2] == ambiguous(FIRST.atomic)
    assert whose([inside(at=AT - 1), made, entered], events)[0] == "harness"  # it had not been entered yet
    refused = replace(entered, status=409, exec_id="")
    assert whose([made, refused, inside()], events[:1])[2] == "harness"
    own = replace(made, peer=BY_ATTACK)
    assert whose([own, entered, inside()], events)[2] == FIRST.atomic
    strangers = replace(made, peer=peer())
    assert whose([strangers, inside()], events[:1])[1] == "background"
    assert whose([strangers, entered, inside()], events)[2] == ambiguous(FIRST.atomic)


def test_an_execution_that_no_gateway_noted_may_be_the_attacks_too() -> None:
    made = request("x", AT - 5, CREATE, container_id=ID, peer=BY_LIVEFIRE)
    entered = event(ID, "exec_create: sh", AT + 0.1, execID="e" * 64)
    assert whose([made, inside()], [event(ID, "create", AT - 5), entered])[1] == ambiguous(FIRST.atomic)
    assert whose([made, inside(at=AT)], [event(ID, "create", AT - 5), entered])[1] == "harness"


def test_out_of_what_a_build_or_a_service_made_asks_who_asked_for_it() -> None:
    build = request("x", AT, "/v1.41/build?q=1", built=(ID[:12],), peer=BY_ATTACK)
    service = request("x", AT, "/v1.41/services/create", service_id="s", peer=BY_ATTACK)
    made = event(ID, "create", AT + 0.1, com_docker_swarm_service_id="s")
    # a build is noted once it has ended, and so after what its steps ask for
    assert whose([inside(), build], [event(ID, "create", AT + 0.1)])[0] == FIRST.atomic
    assert whose([service, inside()], [made])[1] == FIRST.atomic


def test_out_of_a_pod_asks_who_made_it_or_has_reached_into_it() -> None:
    in_node = inside(prefix=f"/docker/{'d' * 64}/kubelet.slice/cri-containerd-")
    pods, owners = {ID: ("web", "p")}, {ID: FIRST.atomic, "d" * 64: "harness"}
    assert whose([in_node], known=owners, pods=pods) == [FIRST.atomic]
    assert whose([in_node], known=owners | {ID: "background"}, pods=pods) == ["background"]
    reached = kube_event("sa-of-first", "create", "pods", "p", "exec")
    assert whose([in_node], known=owners | {ID: "harness"}, pods=pods, kube_audit=[reached]) == [
        ambiguous(FIRST.atomic)
    ]


def test_a_container_of_nobodys_is_a_strangers_only_if_it_was_there_before() -> None:
    there = [replace(each, contained=True, asked_at=frozenset()) for each in SOMEBODY]
    asks = replace(inside(), peer=peer(cgroup=f"0::/docker/{ID}", above=[70, 1]))
    assert whose([asks], residents=Residents(MANIFEST, there)) == ["background"]
    assert whose([asks], residents=Residents(MANIFEST)) == [ambiguous(FIRST.atomic)]
    on_host = [replace(each, contained=False) for each in there]
    assert whose([asks], residents=Residents(MANIFEST, on_host)) == [ambiguous(FIRST.atomic)]
    asked = [replace(each, asked_at=frozenset({"/run/docker.sock"}), name="daemon") for each in there]
    assert whose([asks], residents=Residents(MANIFEST, asked, [CONTACT])) == [ambiguous(FIRST.atomic)]
    assert whose([replace(asks, sent=AT + 3600)], residents=Residents(MANIFEST, there)) == ["background"]
    assert whose([replace(asks, sent=AT + 3600)]) == ["background"]  # no attack runs


def event(container: str, action: str, at: float = AT, name: str = "n", **attributes: str) -> bytes:
    nanoseconds, names = int(at * 1e9), ", ".join(f'"{k.replace("_", ".")}": "{v}"' for k, v in attributes.items())
    more = f", {names}" if names else ""
    return (
        f'{{"event": {{"Type": "container", "Action": "{action}", "timeNano": {nanoseconds}, '
        f'"Actor": {{"ID": "{container}", "Attributes": {{"name": "{name}"{more}}}}}}}}}'
    ).encode()


def containers(requests: list[DockerRequest], events: list[bytes], running: str = "T1/x") -> DockerContainers:
    return told(requests, events, lambda _: running)


def told(requests: list[DockerRequest], events: list[bytes], during: Callable[[float], str]) -> DockerContainers:
    found = DockerContainers(DockerRequests(requests, during).unknown, events)
    for each in sorted(requests, key=lambda each: each.sent):
        found.note(each)
    return found


@pytest.mark.parametrize("named", [ID, ID[:12], "n"])
@pytest.mark.parametrize("verb", ["start", "restart?t=1"])
def test_a_container_is_its_who_started_it_from_then_on(named: str, verb: str) -> None:
    made = request("harness", AT - 9, container_id=ID)
    started = request("T1/a", AT, f"/v1.41/containers/{named}/{verb}", status=204)
    found = containers([made, started], [event(ID, "create", AT - 9), event(OTHER, "create", AT - 9, "other")])
    assert [found.of(ID, at) for at in (AT - 1, AT, AT + 1, None)] == ["harness", "T1/a", "T1/a", "harness"]


@pytest.mark.parametrize("status", [300, 304, 404, 500])
def test_a_start_that_failed_starts_nothing(status: int) -> None:
    requests = [request("harness", container_id=ID), request("T1/a", AT, "/containers/n/start", status=status)]
    assert containers(requests, [event(ID, "create")]).of(ID, AT + 1) == "harness"


@pytest.mark.parametrize("named", ["nobody", "", "dd"])
def test_a_start_of_what_is_unknown_or_might_be_either_is_credited_to_neither(named: str) -> None:
    alike = ["dd" + "0" * 62, "dd" + "1" * 62]
    requests = [request("T1/a", AT, f"/containers/{named}/start")]
    found = containers(requests, [event(container, "create", name=container[:6]) for container in alike])
    assert [found.of(container, AT + 1) for container in alike] == ["", ""]


def test_an_id_is_its_own_containers_and_not_that_of_one_with_this_name() -> None:
    requests = [request("T1/a", AT, f"/containers/{ID}/start")]
    found = containers(requests, [event(ID, "create"), event(OTHER, "create", name=ID)])
    assert (found.of(ID, AT + 1), found.of(OTHER, AT + 1)) == ("T1/a", "")


def test_lines_that_tell_of_no_container_hide_none() -> None:
    build = request("T1/a", path="/v1.41/build?q=1", built=(ID[:12],), peer=peer())
    image = event(OTHER, "create").replace(b'"container"', b'"image"')
    found = containers([build], [b"no JSON", b'{"event": 5}', image, event(ID, "create")])
    assert (found.of(ID), found.of(OTHER)) == ("T1/a", "")


def test_what_a_build_or_a_service_makes_is_their_who_asked_for_them() -> None:
    build = request("T1/a", path="/v1.41/build?q=1", built=(ID[:12],))
    service = request("T1/b", path="/v1.41/services/create", service_id="s")
    events = [event(ID, "create"), event(OTHER, "create", com_docker_swarm_service_id="s")]
    found = containers([build, service], events)
    assert (found.of(ID), found.of(OTHER)) == ("T1/a", "T1/b")


def test_an_execution_counts_from_the_moment_on_at_which_it_was_asked_for() -> None:
    at = float(round(AT))
    noted = request("T1/a", at, f"/containers/{OTHER}/exec", exec_id="e" * 64)
    found = containers([noted], [event(ID, "exec_create: sh", at, execID="f" * 64)])
    assert [found.executing(ID, at - early) for early in (1, 0)] == [set(), {"background"}]
    assert [found.executing(OTHER, at - early) for early in (1, 0)] == [set(), {"T1/a"}]


def test_a_container_that_nobody_asked_for_may_be_his_whose_attack_ran_when_it_was_made() -> None:
    events = [event(ID, "create", AT), event(OTHER, "create", AT + 1)]
    found = told([request(peer=peer())], events, lambda at: "T1/x" if abs(at - AT) < 0.001 else "")
    assert (found.of(ID), found.of(OTHER)) == (ambiguous("T1/x"), "")


def test_what_nobody_is_known_to_have_asked_for_may_be_the_attacks_that_ran() -> None:
    noted = [request(peer=peer())]
    assert containers(noted, [event(ID, "create")]).of(ID) == ambiguous("T1/x")
    assert containers(noted, [event(ID, "create")], running="").of(ID) == ""
    old = [replace(noted[0], peer=None)]  # then no gateway stood before the daemon's own socket
    assert containers(old, [event(ID, "create")]).of(ID) == ""
