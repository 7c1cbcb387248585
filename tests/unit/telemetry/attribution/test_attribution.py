"""Whose doing a row is. A stranger's doing is never an atomic's."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from harness.model.manifest import Manifest
from harness.recording import Recording
from harness.telemetry.attribution import Attribution, Placed
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.schema import ambiguous
from tests.unit.telemetry.attribution.placing import (
    ID,
    NONE,
    OTHER,
    Exec,
    attack,
    executed,
    login,
    place,
    placed_of,
    request,
    user_of,
)
from tests.unit.telemetry.attribution.test_pods import created


@pytest.fixture
def manifest(committed: Recording) -> Manifest:
    return committed.manifest


def test_an_atomics_session_is_its_slice_and_an_identical_decoy_is_background(manifest: Manifest) -> None:
    atomic, _, session = attack(manifest)
    command = "docker run --privileged --net=host i id"
    assert [p.slice for p in place(manifest, [(5, 4, session, command), (6, 4, NONE, command)])] == [
        atomic,
        "background",
    ]


RUNC = "runc --log /run/{0}/log.json exec --process /tmp/p --detach --pid-file /run/{0}/{1}.pid {0}"
EXEC_ID, STRANGE = "e" * 64, "f" * 64


def entered(manifest: Manifest, *execs: Exec) -> list[tuple[str, bool]]:
    """Where execs in somebody else's container end up; the atomic has asked for EXEC_ID there."""
    atomic, _, _ = attack(manifest)
    asked = DockerRequest(atomic, 1.0, 2.0, "POST", f"/v1.41/containers/{ID}/exec", 201, "", EXEC_ID)
    before = [
        (10, 1, NONE, f"containerd-shim-runc-v2 -namespace moby -id {ID}"),
        (11, 10, NONE, "sleep"),  # the container's first process
    ]
    placed = place(manifest, [*before, *execs], request("harness"), asked)
    assert (placed[1].slice, placed[1].in_container) == ("harness", True)
    return [(p.slice, p.in_container) for p in placed[2:]]


@pytest.mark.parametrize("parent", [20, 10], ids=["runc", "shim"])
def test_a_process_put_into_a_container_belongs_to_who_asked_for_it(manifest: Manifest, parent: int) -> None:
    """runc may hand it to the shim before it execs, or after."""
    atomic, _, _ = attack(manifest)
    execs = [
        (20, 10, NONE, "sh /x/runc-bounded " + RUNC.format(ID, EXEC_ID)),
        (20, 10, NONE, RUNC.format(ID, EXEC_ID)),
        (21, 20, NONE, "runc init"),
        (22, parent, NONE, "whoami"),
        (22, parent, NONE, f"truncate {ID}"),  # whose name holds that of runc
        (11, 10, NONE, "sleep 2"),
    ]
    assert entered(manifest, *execs)[2:] == [(atomic, False), (atomic, True), (atomic, True), ("harness", True)]


@pytest.mark.parametrize("parent", [20, 10], ids=["runc", "shim"])
def test_a_strangers_process_in_a_container_is_background(manifest: Manifest, parent: int) -> None:
    execs = [(20, 10, NONE, RUNC.format(ID, STRANGE)), (22, parent, NONE, "whoami")]
    assert entered(manifest, *execs) == [("background", False), ("background", True)]


def test_two_parties_in_one_container_at_one_moment_get_no_credit_by_guess(manifest: Manifest) -> None:
    execs = [
        (20, 10, NONE, RUNC.format(ID, EXEC_ID)),
        (30, 10, NONE, RUNC.format(ID, STRANGE)),
        (22, 10, NONE, "whoami"),
    ]
    assert entered(manifest, *execs)[2] == (ambiguous(attack(manifest)[0]), True)


def test_prerequisites_and_clean_up_are_the_harnesses(manifest: Manifest) -> None:
    others = [e.session for d in manifest.detonations for e in d.others if e.session is not None]
    assert others
    assert {p.slice for p in place(manifest, [(5, 4, session, "docker info") for session in others])} == {"harness"}


def test_canaries_and_the_harnesses_own_children_are_not_background(manifest: Manifest) -> None:
    token = manifest.sensors[0].marks[0].token
    execs = [
        (5, manifest.harness_pid, NONE, f"true {token}"),
        (6, manifest.harness_pid, NONE, "ls"),
        (7, 4, NONE, "true livefire-canary-0"),
    ]
    assert [p.slice for p in place(manifest, execs)] == ["harness", "harness", "background"]


@pytest.mark.parametrize(("container", "slice_"), [(ID, "atomic"), (OTHER, "background")])
def test_a_containers_process_goes_with_the_container(manifest: Manifest, container: str, slice_: str) -> None:
    atomic, _, _ = attack(manifest)
    execs = [
        (10, 1, NONE, f"/usr/bin/containerd-shim-runc-v2 -namespace moby -id {container} start"),
        (11, 10, NONE, f"/usr/bin/containerd-shim-runc-v2 -namespace moby -id {container}"),
        (12, 11, NONE, f"runc --root /r create --bundle /b/{container} {container}"),
        (13, 11, NONE, "whoami"),
        (14, 13, NONE, "sh -c id"),
        (15, 12, NONE, "/usr/sbin/ldconfig"),
    ]
    placed = place(manifest, execs, request(atomic))
    assert {p.slice for p in placed} == {atomic if slice_ == "atomic" else "background"}
    assert {p.container_id for p in placed} == {container}
    assert [p.in_container for p in placed] == [False, False, False, True, True, False]


def test_the_container_for_canaries_is_the_harnesses_and_no_other_with_a_token(manifest: Manifest) -> None:
    manifest = manifest.model_copy(update={"harness_containers": [ID]})
    for container, slice_ in ((ID, "harness"), (OTHER, "background")):
        execs = [
            (11, 10, NONE, f"/usr/bin/containerd-shim-runc-v2 -namespace lab -id {container}"),
            (13, 11, NONE, "/bin/sh -c x"),
            (14, 13, NONE, f"/bin/true {manifest.sensors[0].marks[0].token}"),
        ]
        assert {p.slice for p in place(manifest, execs)} == {slice_}


SOCKET = "/lab/containerd.sock"


def shim(container: str, socket: str = SOCKET, namespace: str = "lab") -> str:
    return f"/usr/bin/containerd-shim-runc-v2 -namespace {namespace} -id {container} -address {socket}"


def run_by_ctr(manifest: Manifest, *execs: Exec, script: str = "") -> list[Placed]:
    """The places of execs beside an atomic that runs `script`, by default one that names containerd and a namespace."""
    first = manifest.detonations[0]
    assert first.attack is not None
    command = script or f"export CONTAINERD_ADDRESS={SOCKET} CONTAINERD_NAMESPACE=lab; ctr run i box whoami"
    told = first.model_copy(update={"attack": first.attack.model_copy(update={"command": command})})
    return place(manifest.model_copy(update={"detonations": [told, *manifest.detonations[1:]]}), list(execs))


def serve(pid: int, container: str = "box", **where: str) -> list[Exec]:
    """What containerd starts for a container: its shim, first as a starter, then runc, then the container's process."""
    return [
        (pid, 1, NONE, shim(container, **where) + " -publish-binary /usr/bin/containerd start"),
        (pid + 1, pid, NONE, shim(container, **where)),
        (pid + 2, pid + 1, NONE, f"runc --root /r --log /l create --bundle /b {container}"),
        (pid + 3, pid + 1, NONE, "whoami"),
        (pid + 4, pid + 1, NONE, f"runc --root /r delete {container}"),
    ]


def test_a_container_whose_id_the_atomic_chose_is_its_own(manifest: Manifest) -> None:
    atomic, _, session = attack(manifest)
    placed = run_by_ctr(manifest, (5, 4, session, "ctr run i box whoami"), *serve(10))[1:]
    assert {(p.slice, p.container_id) for p in placed} == {(atomic, "box")}
    assert [p.in_container for p in placed] == [False, False, False, True, False]


def test_another_binary_and_options_name_a_container_just_so(manifest: Manifest) -> None:
    atomic, _, session = attack(manifest)
    command = f"./client --address={SOCKET} -n lab tasks start box"
    placed = run_by_ctr(manifest, (5, 4, session, command), *serve(10), script=command)[1:]
    assert {p.slice for p in placed} == {atomic}


@pytest.mark.parametrize(
    "execs",
    [
        lambda ses: [(5, 4, NONE, "ctr run i box whoami"), *serve(10)],  # a stranger's
        lambda ses: [*serve(10), (5, 4, ses, "ctr run i box whoami")],  # was there before
        lambda ses: [(5, 4, ses, "ctr run i other whoami"), *serve(10)],
        lambda ses: [(5, 4, ses, "ctr run i box whoami"), *serve(10, socket="/run/other.sock")],
        lambda ses: [(5, 4, ses, "ctr run i box whoami"), *serve(10, namespace="other")],
        lambda ses: [(5, 4, ses, "ctr tasks kill box"), *serve(10)],  # names it and starts nothing
    ],
)
def test_a_container_of_the_same_id_is_no_credit(manifest: Manifest, execs: Any) -> None:
    _, _, session = attack(manifest)
    placed = run_by_ctr(manifest, *execs(session))
    assert {p.slice for p in placed if p.container_id} == {"background"}


def test_the_next_container_of_that_id_is_somebody_elses(manifest: Manifest) -> None:
    atomic, _, session = attack(manifest)
    placed = run_by_ctr(manifest, (5, 4, session, "ctr run i box whoami"), *serve(10), *serve(20))
    assert [p.slice for p in placed[1:]] == [atomic] * 5 + ["background"] * 5


def test_two_namespaces_may_have_one_id_at_once(manifest: Manifest) -> None:
    atomic, _, session = attack(manifest)
    mine, theirs = serve(10), serve(20, namespace="other")
    between = [execution for pair in zip(mine, theirs, strict=True) for execution in pair]
    placed = run_by_ctr(manifest, (5, 4, session, "ctr run i box whoami"), *between)[1:]
    assert [p.slice for p in placed] == [atomic, "background"] * 5


def test_without_sessions_descent_decides(manifest: Manifest) -> None:
    first = manifest.detonations[0]
    assert first.attack is not None
    blind = first.model_copy(update={"attack": first.attack.model_copy(update={"session": None})})
    fallback = manifest.model_copy(update={"attribution": "process-tree", "detonations": [blind]})
    pid = first.attack.pid
    execs = [
        (pid, manifest.harness_pid, NONE, "bash"),
        (800, pid, NONE, "docker run i"),
        (801, 800, NONE, "x"),
        (802, 1, NONE, "x"),
    ]
    at = first.attack.started.timestamp() + 0.01
    inside = [p.slice for p in place(fallback, execs, time=at)]
    own = first.atomic
    assert inside == [own, own, own, "background"]
    # the same pid at another time, or as another's child, is somebody else
    assert {p.slice for p in place(fallback, [(pid, 1, NONE, "bash"), *execs[1:]], time=at)} == {"background"}
    execs = [(pid, 1, NONE, "bash"), *execs[1:]]
    assert {p.slice for p in place(fallback, execs, time=at - 3600)} == {"background"}


def test_a_user_is_an_atomics_the_harnesses_or_a_stranger(manifest: Manifest) -> None:
    detonation = next(d for d in manifest.detonations if d.user)
    users = [str(detonation.user), manifest.harness_users[0], "mallory"]
    attribution = Attribution(manifest, [], kube_audit=[created("p", user, 1) for user in users])
    assert attribution.callers == [detonation.atomic, "harness", "background"]


def test_a_request_that_two_atomics_may_have_sent_is_neithers(manifest: Manifest) -> None:
    one, two = (
        Attribution(manifest, [request("T1/a")]),
        Attribution(manifest, [request("T1/a"), request("T1/b", OTHER)]),
    )
    at = 1700000000.05
    assert one.docker.of_request("POST", "/v1.41/containers/create", at) == "T1/a"
    assert one.docker.of_request("POST", "/v1.41/containers/create", at + 1) == "background"
    assert one.docker.of_request("GET", "/version", at) == "background"
    assert two.docker.of_request("POST", "/v1.41/containers/create", at) == ambiguous("T1/a", "T1/b")


def test_one_shim_serves_a_pod_and_all_its_containers(manifest: Manifest) -> None:
    atomic, user = user_of(manifest)
    shim = f"/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id {OTHER} -address s"
    execs = [
        (5, 1, NONE, shim),
        (6, 5, NONE, f"runc --root r create --bundle b {ID}"),
        (7, 5, NONE, "sh -c id"),
        (8, 7, NONE, "id"),
        (9, 5, NONE, f"runc --root r exec --process p {ID}"),
    ]
    placed = place(manifest, execs, pod_of=user)
    assert [p.slice for p in placed] == ["background", *[atomic] * 4]
    assert [p.in_container for p in placed] == [False, False, True, True, False]


def test_the_pod_of_a_stranger_is_background(manifest: Manifest) -> None:
    shim = f"/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id {OTHER} -address s"
    execs = [(5, 1, NONE, shim), (6, 5, NONE, f"runc --root r create --bundle b {ID}"), (7, 5, NONE, "sh -c id")]
    assert {p.slice for p in place(manifest, execs, pod_of="system:kube-scheduler")} == {"background"}
    assert {p.slice for p in place(manifest, execs)} == {"background"}


@pytest.mark.parametrize("told", [True, False], ids=["with LOGIN", "without"])
def test_a_shell_that_leaves_its_session_stays_the_attacks(manifest: Manifest, told: bool) -> None:
    """It is a child of Livefire itself, which is what it was taken for."""
    atomic, pid, session = attack(manifest)
    first = manifest.detonations[0].attack
    assert first is not None
    at, parent = first.started.timestamp() + 0.01, manifest.harness_pid
    lines = [
        *executed(1, pid, parent, NONE, "/bin/sh -c launcher", at),
        *executed(2, pid, parent, session, "bash -c x", at),
        *(login(3, pid, parent, session, 777, at) if told else []),
        *executed(4, pid, parent, 777, "docker run i", at),
        *executed(5, 40, pid, 777, "docker run j", at),
        *executed(6, 41, 40, NONE, "docker run k", at),
        *executed(7, 42, 1, 777, "docker run l", at),
        *executed(8, 43, parent, NONE, "ls", at),
    ]
    found = [each.slice for each in placed_of(manifest, lines)]
    assert found == ["harness", *[atomic] * 4, atomic if told else "background", "harness"]


def test_a_strangers_new_session_is_background(manifest: Manifest) -> None:
    lines = [*login(1, 50, 1, NONE, 778, 1.0), *executed(2, 50, 1, 778, "docker run", 1.0)]
    assert [each.slice for each in placed_of(manifest, lines)] == ["background"]


def test_a_token_in_some_text_makes_nothing_the_harnesses(manifest: Manifest) -> None:
    token = manifest.sensors[0].marks[0].token
    atomic, _, session = attack(manifest)
    execs = [
        (5, 4, NONE, f"docker run {token}"),
        (6, 4, session, f"sh -c {token}"),
        (7, 4, NONE, f"true {token} {token}"),
        (8, 4, NONE, f"true {token}"),  # by somebody who has read the log
        (9, 4, session, f"/usr/bin/true {token}"),
    ]
    assert [p.slice for p in place(manifest, execs)] == ["background", atomic, "background", "background", atomic]


SCRIPT = "/bin/sh /x/run-1/atomic-0/.config/containers/runtime create --bundle b i"
SHIMS = [
    f"/usr/bin/python3 -I -S {path} /usr/sbin/runc create --bundle b i"
    for path in (find_spec("harness.lab.docker.oci_shim").origin, "/x/harness/capture/lab/oci_shim.py")  # type: ignore[union-attr]
]


@pytest.mark.parametrize("shim", SHIMS, ids=["as it is", "older"])
@pytest.mark.parametrize("by", ["podman", "conmon", "bash"])
def test_livefires_own_shim_is_no_row_of_an_attack_where_podman_starts_it(
    manifest: Manifest, by: str, shim: str
) -> None:
    """It is no cover, either: what an attack starts itself is the attack's."""
    atomic, _, session = attack(manifest)
    execs = [(5, 4, session, f"{by} run i"), (6, 5, session, SCRIPT), (6, 5, session, shim), (6, 5, session, "runc x")]
    found = [p.slice for p in place(manifest, execs)]
    assert found == [atomic, *[atomic if by == "bash" else "harness"] * 2, atomic]


def test_a_pid_that_a_stranger_got_after_the_attacks_container_is_the_strangers(manifest: Manifest) -> None:
    """With births in the log, also where nothing else contradicts."""
    atomic, _, _ = attack(manifest)
    shim = f"containerd-shim-runc-v2 -namespace moby -id {ID}"
    execs = [(10, 1, NONE, shim), (11, 10, NONE, "sleep")]
    strangers = [(11, 1, NONE, "bash"), (12, 11, NONE, "docker run i")]
    assert [p.slice for p in place(manifest, [*execs, *strangers], request(atomic))][2:] == ["background"] * 2
    birth = (
        "type=SYSCALL msg=audit(1700000000.000:90): arch=c000003e syscall=56 success=yes exit=11 ppid=1 pid=9 "
        f"uid=0 ses={NONE}"
    )
    before = [line for n, each in enumerate(execs, 1) for line in executed(n, *each, 1699999000.0)]
    lines = [*before, birth, *executed(91, 12, 11, NONE, "docker run i", 1700000000.1)]
    assert placed_of(manifest, lines, [request(atomic)])[-1].slice == "background"
