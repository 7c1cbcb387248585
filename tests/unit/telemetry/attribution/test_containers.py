"""Whose the processes of a container are: those that its maker started, and those that were put into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from harness.telemetry.attribution import Placed
from harness.telemetry.attribution.containers import ContainerProcesses, is_runtime, served_container
from harness.telemetry.attribution.docker_containers import DockerContainers
from harness.telemetry.attribution.docker_requests import DockerRequests
from harness.telemetry.attribution.identities import Identities
from harness.telemetry.attribution.owners import Owners
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.schema import ambiguous

BOX, SANDBOX, EXEC, STRANGE = "a" * 64, "b" * 64, "e" * 64, "f" * 64
ATTACK, OTHER = "T1/a", "T1/b"
AT = 1767225601.0  # 2026-01-01T00:00:01Z
SHIM = Placed("harness", BOX, shim=True)


def runc(container: str = BOX, execution: str = "", verb: str = "exec") -> list[str]:
    """As dockerd has it called; for the kubelet without the id of the execution."""
    pid_file = f" --pid-file /run/{container}/{execution}.pid" if execution else ""
    return f"runc --root /r {verb} --process /p{pid_file} {container}".split()


@dataclass
class World:
    """Containers and who starts them at AT; the attack asks for EXEC in BOX, and runs at AT and a second after that."""

    owners: dict[str, str] = field(default_factory=lambda: {BOX: "harness"})
    pods: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        asked = DockerRequest(ATTACK, 1.0, 2.0, "POST", f"/v1.41/containers/{BOX}/exec", 201, "", EXEC, peer={})
        self.identities = Identities({"attacker": ATTACK}, self.running, lambda *_: False)
        docker = DockerRequests([asked], self.running)
        daemon, known = DockerContainers(docker.unknown), dict.fromkeys(self.owners, "nobody's yet")
        for container, whose in self.owners.items():
            path = f"/v1.41/containers/{container}/start"
            daemon.note(DockerRequest(whose, AT, AT + 1, "POST", path, 204, ""))
        self.processes = ContainerProcesses(docker, Owners(daemon, self.identities, self.pods, known))

    def running(self, at: float) -> str:
        return OTHER if AT <= at <= AT + 1 else ""

    @property
    def learnt(self) -> dict[str, str]:
        return {each: whose for each, whose in self.processes.owners.known.items() if whose != "nobody's yet"}

    def serve(
        self, arguments: list[str], above: Placed | None = SHIM, before: Placed | None = None, at: float = AT
    ) -> Placed:
        found, _ = self.processes.serve(arguments, before, above, at)
        assert found
        return found

    def start(self, *words: str, above: Placed = SHIM, before: Placed | None = None) -> Placed:
        return self.processes.below(above, list(words) or ["whoami"], before)


def test_what_serves_a_container_is_its_owners() -> None:
    world = World()
    shim = ["/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", BOX]
    assert world.serve(shim, None) == Placed("harness", BOX, shim=True)
    assert world.serve(runc(verb="create")) == Placed("harness", BOX)
    assert world.processes.serve(["ls", BOX], None, SHIM, AT) == (None, None)


def test_a_process_that_is_put_into_a_container_is_its_who_asked_for_it() -> None:
    world = World()
    entering = world.serve(runc(execution=EXEC))
    assert entering == Placed(ATTACK, BOX, enters=True)
    assert world.start(above=entering) == Placed(ATTACK, BOX, in_container=True)


def test_who_stays_below_its_parent_is_not_expected_below_the_shim_any_more() -> None:
    world = World()
    mine = world.serve(runc(execution=EXEC))
    world.start(above=mine)
    assert world.start() == Placed("harness", BOX, in_container=True)


def test_each_is_expected_once() -> None:
    world = World()
    for execution, whose in ((EXEC, ATTACK), (STRANGE, "background")):
        world.serve(runc(execution=execution), at=AT + 5)
        assert world.start() == Placed(whose, BOX, in_container=True)
    assert world.start().slice == "harness"


def test_a_shim_of_the_runtime_that_executes_the_runtime_enters_once() -> None:
    world = World()
    first = world.serve(["sh", "/x/runc-bounded", *runc(execution=EXEC)])
    assert world.serve(runc(execution=EXEC), before=first) is first
    world.serve(runc(execution=STRANGE), at=AT + 5)
    assert [world.start().slice for _ in range(3)] == [ambiguous(ATTACK), "background", "harness"]


def test_the_same_process_that_enters_another_container_enters_anew() -> None:
    world = World()
    first = world.serve(runc(execution=EXEC))
    elsewhere = Placed("harness", SANDBOX, shim=True)
    assert world.serve(runc(execution=EXEC), above=elsewhere, before=first).container_id == SANDBOX


def test_what_is_asked_past_all_gateways_may_be_the_attacks_that_runs_then() -> None:
    assert World().serve(runc(execution=STRANGE)).slice == ambiguous(OTHER)
    assert World().serve(runc(execution=STRANGE), at=AT + 5).slice == "background"


def test_a_runtime_that_nobody_asked_for_is_its_containers_owners() -> None:
    assert World().serve(runc()) == Placed("harness", BOX, enters=True)
    assert World().serve(runc(), at=AT - 1).slice == "nobody's yet"


def test_a_runtime_below_no_shim_serves_the_container_that_it_names() -> None:
    assert World().serve(runc(), above=Placed(ATTACK)) == Placed("harness", BOX, enters=True)


STEP = ["runc", "--log", "/x/log", "run", "--bundle", "/x/buildkit/executor/step1", "step1"]


def test_a_step_of_a_build_is_its_who_may_have_asked_for_one_then() -> None:
    world = World()
    assert world.processes.step(STEP, AT) == Placed(ambiguous(OTHER), "step1", enters=True)
    assert world.processes.step(STEP, AT + 5) == Placed("background", "step1", enters=True)


@pytest.mark.parametrize("words", [["ls", *STEP[1:]], ["runc", "run", "/x/buildkit/executor/a/b"], runc(), []])
def test_what_else_dockerd_runs_is_no_step(words: list[str]) -> None:
    assert World().processes.step(words, AT) is None


def test_of_a_container_that_is_older_than_the_log_the_shim_is_known_by_its_runtime() -> None:
    found, shim = World().processes.serve(runc(execution=EXEC), None, None, AT)
    assert found == Placed(ATTACK, BOX, enters=True)
    assert shim == Placed("harness", BOX, shim=True)


POD = {BOX: ("web", "target")}


def executes(world: World, user: str = "attacker") -> None:
    world.identities.of(
        {
            "verb": "create",
            "user": {"username": user},
            "objectRef": {"resource": "pods", "namespace": "web", "name": "target", "subresource": "exec"},
            "requestReceivedTimestamp": "2026-01-01T00:00:01Z",
            "stageTimestamp": "2026-01-01T00:00:02Z",
            "responseStatus": {"code": 101},
        }
    )


def test_in_a_pod_it_is_its_who_has_the_api_server_execute_something_there() -> None:
    world = World(pods=POD)
    executes(world)
    assert world.serve(runc()).slice == ATTACK
    assert world.serve(runc(), at=AT + 5).slice == "harness"  # a probe


def test_in_another_pod_or_none_it_is_its_owners() -> None:
    for pods in ({BOX: ("web", "other")}, {}):
        world = World(pods=pods)
        executes(world)
        assert world.serve(runc()).slice == "harness"


SERVING = Placed("background", SANDBOX, shim=True)


def learnt(above: Placed | None, owners: dict[str, str], at: float = AT) -> tuple[Placed | None, dict[str, str]]:
    """What is found of the shim when runc makes a container below it."""
    world = World(owners)
    _, shim = world.processes.serve(runc(verb="create"), None, above, at)
    return shim, world.learnt


@pytest.mark.parametrize("sandbox", [{}, {SANDBOX: "background"}], ids=["unknown", "nobody's at that moment"])
def test_a_sandbox_is_its_who_owns_a_container_that_its_shim_serves(sandbox: dict[str, str]) -> None:
    assert learnt(SERVING, {BOX: ATTACK} | sandbox) == (Placed(ATTACK, SANDBOX, shim=True), {SANDBOX: ATTACK})


@pytest.mark.parametrize(
    ("above", "owners"),
    [
        (SERVING, {}),
        (SERVING, {BOX: ATTACK, SANDBOX: OTHER}),  # is known already
        (Placed("background", SANDBOX), {BOX: ATTACK}),  # no shim
        (None, {BOX: ATTACK}),
    ],
)
def test_else_nothing_is_learnt_of_a_sandbox(above: Placed | None, owners: dict[str, str]) -> None:
    assert learnt(above, owners) == (None, {})


def test_one_shim_serves_whom_the_containers_of_a_pod_execute() -> None:
    world = World({BOX: ATTACK})
    entering, shim = world.processes.serve(runc(), None, SERVING, AT)
    assert entering == Placed(ATTACK, SANDBOX, enters=True)
    assert shim == Placed(ATTACK, SANDBOX, shim=True)
    assert world.start(above=shim) == Placed(ATTACK, SANDBOX, in_container=True)


INSIDE = Placed("harness", BOX, in_container=True)


@pytest.mark.parametrize(
    ("words", "above", "before", "expected"),
    [
        (runc(verb="delete"), INSIDE, None, Placed("harness", BOX)),
        (["runc", "init"], Placed(ATTACK, BOX, enters=True), None, Placed(ATTACK, BOX)),
        (["runc", "init", "x"], Placed(ATTACK, BOX, enters=True), None, Placed(ATTACK, BOX, in_container=True)),
        (["id"], INSIDE, None, INSIDE),
        (["ldconfig"], Placed("harness", BOX), None, Placed("harness", BOX)),  # a hook of runc's
        (["id"], Placed(ATTACK, BOX, shim=True), INSIDE, INSIDE),  # executes another program
        (["id"], Placed(ATTACK, BOX, shim=True), Placed("x", SANDBOX, in_container=True), Placed(ATTACK, BOX, True)),
        (["id"], Placed(ATTACK, BOX, shim=True), Placed("x", BOX), Placed(ATTACK, BOX, True)),
    ],
)
def test_where_a_process_below_belongs(
    words: Iterable[str], above: Placed, before: Placed | None, expected: Placed
) -> None:
    assert World().start(*words, above=above, before=before) == expected


def test_the_runtime_stands_among_the_first_words() -> None:
    assert is_runtime(["sh", "-c", "x", "y", "z", "/usr/bin/runc"])
    assert not is_runtime(["sh", "-c", "x", "y", "z", "a", "/usr/bin/runc"])
    assert not is_runtime([])
    assert not is_runtime(["/opt/runc/tool"])


@pytest.mark.parametrize(
    ("words", "container"),
    [
        (["crun", "--log", f"/run/{STRANGE}/log", "start", BOX], BOX),  # the last one
        (["containerd-shim", "-id", BOX, "start"], BOX),
        (["runc", "delete", "box"], ""),
        (["runc", "delete", BOX + "0"], ""),
        (["runc", "delete", "0" + BOX], ""),
        (["ls", BOX], ""),
    ],
)
def test_a_container_is_named_by_its_whole_id(words: list[str], container: str) -> None:
    assert served_container(words) == container
