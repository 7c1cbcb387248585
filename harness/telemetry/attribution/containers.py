"""The processes of containers, by the container id in the arguments of shim and runc, and by who entered it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.telemetry.attribution.docker_requests import DockerRequests
from harness.telemetry.attribution.owners import Owners, Placed
from harness.telemetry.schema import BACKGROUND, one_of

_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# BuildKit in dockerd runs runc itself, with a folder for each step (moby, builder-next/executor_linux.go).
_STEP = re.compile(r"/buildkit/executor/([^/]+)$")
_RUNTIMES = ("containerd-shim", "runc", "crun")


@dataclass
class ContainerProcesses:
    """Places runtime processes, in the order of the log. `owners` knows the slices of containers."""

    docker: DockerRequests
    owners: Owners
    _entering: dict[str, list[str]] = field(default_factory=dict)

    def serve(
        self, arguments: list[str], before: Placed | None, above: Placed | None, at: float
    ) -> tuple[Placed | None, Placed | None]:
        """The place of a runtime's process, and the place of its parent; None where it is unknown."""
        served = served_container(arguments)
        if not served:
            return None, None
        shim = self._sandbox(served, above, at)
        if "exec" in arguments:
            if above is None:  # the container is older than the log: only this shows its shim
                shim = Placed(self.owners.of(served, at), served, shim=True)
            serving = above.container_id or served if above else served
            return self._enter(arguments, served, serving, before, at), shim
        return Placed(self.owners.of(served, at), served, shim="containerd-shim" in arguments[0]), shim

    def step(self, arguments: list[str], at: float) -> Placed | None:
        """The place of a runc that runs a build step for dockerd; None for any other child of dockerd."""
        steps = [match[1] for argument in arguments if (match := _STEP.search(argument))]
        if not steps or not is_runtime(arguments):
            return None
        return Placed(self.docker.building(at), steps[0], enters=True)

    def below(self, above: Placed, arguments: list[str], before: Placed | None) -> Placed:
        """The place of what a container's process, shim or runc starts. `before` is the process's earlier place."""
        container = above.container_id
        if container in arguments and is_runtime(arguments):
            return Placed(above.slice, container)
        if before and before.in_container and before.container_id == container:
            return before  # it executes another program
        if above.in_container or not (above.shim or above.enters) or arguments == ["runc", "init"]:
            return Placed(above.slice, container, in_container=above.in_container)
        # runc hands a process to the shim before or after it execs, so the parent may be runc or the shim
        entering = self._entering.get(container, [])
        whose = took = above.slice
        if above.shim and entering:  # if several parties enter at once, it is ambiguous
            whose, took = one_of(entering), entering[0]
        if took in entering:
            entering.remove(took)
        return Placed(whose, container, in_container=True)

    def _enter(self, arguments: list[str], container: str, serving: str, before: Placed | None, at: float) -> Placed:
        """The place of a `runc exec` below the shim of `serving`. Its pid file is named after dockerd's exec id.

        In a pod it belongs to the party that requested it at the API server, else (a probe) to the pod's owner.
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
        """The place of a pod's shim, which serves all its containers. Its own id, the sandbox's, is in no audit log."""
        if above is None or not above.shim or self.owners.of(above.container_id, at) != BACKGROUND:
            return None
        owner = self.owners.of(container_id, at)
        if owner == BACKGROUND:
            return None
        self.owners.known[above.container_id] = owner
        return Placed(owner, above.container_id, shim=True)


def served_container(arguments: list[str]) -> str:
    """The id of the container that a runtime's process serves, from the command line of containerd-shim or runc."""
    if not is_runtime(arguments):
        return ""
    ids = [match[0] for argument in arguments for match in _CONTAINER_ID.finditer(argument)]
    return ids[-1] if ids else ""


def is_runtime(arguments: list[str]) -> bool:
    """Whether a runtime is among the first words: an interpreter may come before it, as with the OCI runtime shim."""
    return any(argument.rpartition("/")[2].startswith(_RUNTIMES) for argument in arguments[:6])
