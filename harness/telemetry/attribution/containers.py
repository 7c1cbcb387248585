"""The processes of containers: by the container's id, which its shim and its runc carry, and by who was put into it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.telemetry.attribution.docker_requests import DockerRequests
from harness.telemetry.attribution.owners import Owners, Placed
from harness.telemetry.schema import BACKGROUND, one_of

_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# dockerd's BuildKit runs runc itself, in a folder of each step's own (moby, builder-next/executor_linux.go).
_STEP = re.compile(r"/buildkit/executor/([^/]+)$")
_RUNTIMES = ("containerd-shim", "runc", "crun")


@dataclass
class ContainerProcesses:
    """Answers in the order of the log. `owners` tells a container's slice."""

    docker: DockerRequests
    owners: Owners
    _entering: dict[str, list[str]] = field(default_factory=dict)

    def serve(
        self, arguments: list[str], before: Placed | None, above: Placed | None, at: float
    ) -> tuple[Placed | None, Placed | None]:
        """The place of a runtime's process, and what it tells of its parent; None where it tells nothing."""
        served = served_container(arguments)
        if not served:
            return None, None
        shim = self._sandbox(served, above, at)
        if "exec" in arguments:
            if above is None:  # the container is older than the log: who serves it is known by this
                shim = Placed(self.owners.of(served, at), served, shim=True)
            serving = above.container_id or served if above else served
            return self._enter(arguments, served, serving, before, at), shim
        return Placed(self.owners.of(served, at), served, shim="containerd-shim" in arguments[0]), shim

    def step(self, arguments: list[str], at: float) -> Placed | None:
        """The place of a runc by which dockerd runs a step of a build; None for any other process of dockerd's."""
        steps = [match[1] for argument in arguments if (match := _STEP.search(argument))]
        if not steps or not is_runtime(arguments):
            return None
        return Placed(self.docker.building(at), steps[0], enters=True)

    def below(self, above: Placed, arguments: list[str], before: Placed | None) -> Placed:
        """What a process of a container, its shim or its runc starts. `before` is what the process itself was."""
        container = above.container_id
        if container in arguments and is_runtime(arguments):
            return Placed(above.slice, container)
        if before and before.in_container and before.container_id == container:
            return before  # it executes another program
        if above.in_container or not (above.shim or above.enters) or arguments == ["runc", "init"]:
            return Placed(above.slice, container, in_container=above.in_container)
        # runc hands a process to the shim before that execs, or after: so its parent may be either
        entering = self._entering.get(container, [])
        whose = took = above.slice
        if above.shim and entering:  # several parties execute in one container at this moment: no credit by guess
            whose, took = one_of(entering), entering[0]
        if took in entering:
            entering.remove(took)
        return Placed(whose, container, in_container=True)

    def _enter(self, arguments: list[str], container: str, serving: str, before: Placed | None, at: float) -> Placed:
        """A `runc exec`, by the shim of `serving`: dockerd's id of it is in the name of its pid file.

        In a pod it is that of whoever has the API server execute something there, else (a probe) its creator's.
        """
        if before and before.enters and before.container_id == serving:
            return before  # a shim of the runtime executes the runtime
        ids = [match[0] for argument in arguments for match in _CONTAINER_ID.finditer(argument)]
        if (pod := self.owners.pods.get(container)) or len(ids) == 1:
            whose = (pod and self.owners.identities.executing(pod, at)) or self.owners.of(container, at)
        else:
            whose = self.docker.of_exec(ids, at)
        self._entering.setdefault(serving, []).append(whose)
        return Placed(whose, serving, enters=True)

    def _sandbox(self, container_id: str, above: Placed | None, at: float) -> Placed | None:
        """One shim serves all containers of a pod; its own id is the sandbox's, which the API server doesn't tell."""
        if above is None or not above.shim or self.owners.of(above.container_id, at) != BACKGROUND:
            return None
        owner = self.owners.of(container_id, at)
        if owner == BACKGROUND:
            return None
        self.owners.known[above.container_id] = owner
        return Placed(owner, above.container_id, shim=True)


def served_container(arguments: list[str]) -> str:
    """The container that a runtime's process serves: its id stands in the command line of containerd-shim and runc."""
    if not is_runtime(arguments):
        return ""
    ids = [match[0] for argument in arguments for match in _CONTAINER_ID.finditer(argument)]
    return ids[-1] if ids else ""


def is_runtime(arguments: list[str]) -> bool:
    """Among the first words, since an interpreter may stand before it, as in that of the OCI runtime shim."""
    return any(argument.rpartition("/")[2].startswith(_RUNTIMES) for argument in arguments[:6])
