"""The slices of containers and of processes in them, and where an execution belongs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.telemetry.attribution.docker_containers import DockerContainers
from harness.telemetry.attribution.identities import Identities
from harness.telemetry.readers.seen_pods import PodName
from harness.telemetry.schema import BACKGROUND, one_of


@dataclass(frozen=True)
class Placed:
    """Where an exec belongs. `in_container` tells a container's own process from the runtime that serves it.

    `shim` is containerd-shim; `enters` is a runc that puts another process into a container; `own_shim` is Livefire's
    program in front of runc, which then executes runc.
    """

    slice: str
    container_id: str = ""
    in_container: bool = False
    shim: bool = False
    enters: bool = False
    own_shim: bool = False


@dataclass
class Owners:
    """The owners of containers in one recording.

    `daemon` knows Docker's containers, `known` has the slices of others by id, `pods` the pods of containers.
    """

    daemon: DockerContainers
    identities: Identities
    pods: Mapping[str, PodName] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def of(self, container: str, at: float | None, unknown: str = BACKGROUND) -> str:
        """The slice of a container at a moment (seconds, epoch): of its maker or last starter.

        `unknown` for an unknown container.
        """
        return self.daemon.of(container, at) or self.known.get(container) or unknown

    def inside(self, container: str, at: float, unknown: str) -> str:
        """The slice of a process in a container whose start was not seen.

        It may belong to the container's owner or to any party that executed something there by then.
        """
        reached = self.identities.reached({self.pods.get(container)}, at)
        return one_of({self.of(container, at, unknown), *self.daemon.executing(container, at), *reached})
