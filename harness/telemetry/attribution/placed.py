"""Where an execution belongs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Placed:
    """Where an exec belongs. `in_container` tells a container's own process from the runtime that serves it.

    `shim` is containerd-shim; `enters` is a runc that puts a further process into a container; `own_shim` is
    Livefire's own program in front of runc, which then executes that.
    """

    slice: str
    container_id: str = ""
    in_container: bool = False
    shim: bool = False
    enters: bool = False
    own_shim: bool = False
