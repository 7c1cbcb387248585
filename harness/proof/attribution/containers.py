"""The processes of containers: by the container's id, which its shim and its runc carry, and by who was put into it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.proof.attribution.docker_requests import DockerRequests
from harness.proof.attribution.placed import Placed
from harness.proof.tables.schema import BACKGROUND

_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_RUNTIMES = ("containerd-shim", "runc", "crun")


@dataclass
class ContainerProcesses:
    """Answers in the order of the log. `pods` are containers in pods; `owner` tells a container's slice."""

    docker: DockerRequests
    pods: frozenset[str]
    owner: Callable[[str], str]
    learn: Callable[[str, str], None]
    _entering: dict[str, list[str]] = field(default_factory=dict)

    def serve(
        self, arguments: list[str], before: Placed | None, above: Placed | None
    ) -> tuple[Placed | None, Placed | None]:
        """The place of a runtime's process, and what it tells of its parent; None where it tells nothing."""
        served = served_container(arguments)
        if not served:
            return None, None
        shim = self._sandbox(served, above)
        if "exec" in arguments:
            return self._enter(arguments, served, before), shim
        return Placed(self.owner(served), served, shim="containerd-shim" in arguments[0]), shim

    def below(self, above: Placed, arguments: list[str], before: Placed | None) -> Placed:
        """What a process of a container, its shim or its runc starts. `before` is what the process itself was."""
        container = above.container_id
        if container in arguments and is_runtime(arguments):
            return Placed(above.slice, container)
        if before and before.in_container and before.container_id == container:
            return before  # it executes another program
        if above.in_container or not (above.shim or above.enters) or arguments[:2] == ["runc", "init"]:
            return Placed(above.slice, container, in_container=above.in_container)
        # runc hands a process to the shim before that execs, or after: so its parent may be either
        entering = self._entering.get(container, [])
        whose = above.slice if above.enters or not entering else entering[0]
        if above.shim and len(set(entering)) > 1:
            whose = BACKGROUND  # several parties execute in one container at this moment: no credit by guess
        if whose in entering:
            entering.remove(whose)
        return Placed(whose, container, in_container=True)

    def _enter(self, arguments: list[str], container_id: str, before: Placed | None) -> Placed:
        """A `runc exec`: dockerd's id of it is in the name of its pid file. In a pod it isn't known who asked."""
        if before and before.enters and before.container_id == container_id:
            return before  # a shim of the runtime executes the runtime
        ids = [match[0] for argument in arguments for match in _CONTAINER_ID.finditer(argument)]
        whose = next((found for each in ids if (found := self.docker.of_exec(each)) != BACKGROUND), BACKGROUND)
        if container_id in self.pods:
            whose = self.owner(container_id)
        self._entering.setdefault(container_id, []).append(whose)
        return Placed(whose, container_id, enters=True)

    def _sandbox(self, container_id: str, above: Placed | None) -> Placed | None:
        """One shim serves all containers of a pod; its own id is the sandbox's, which the API server doesn't tell."""
        if above is None or not above.shim or self.owner(above.container_id) != BACKGROUND:
            return None
        owner = self.owner(container_id)
        if owner == BACKGROUND:
            return None
        self.learn(above.container_id, owner)
        return Placed(owner, above.container_id, shim=True)


def served_container(arguments: list[str]) -> str:
    """The container that a runtime's process serves: its id stands in the command line of containerd-shim and runc."""
    if not is_runtime(arguments):
        return ""
    found = [match[0] for argument in arguments for match in _CONTAINER_ID.finditer(argument)]
    return found[-1] if found else ""


def is_runtime(arguments: list[str]) -> bool:
    """Among the first words, since an interpreter may stand before it, as in that of the OCI runtime shim."""
    return any(argument.rpartition("/")[2].startswith(_RUNTIMES) for argument in arguments[:6])
