"""Detonating one atomic: its prerequisites, the attack, and its cleanup, each in a shell of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping

from harness import interrupts
from harness.capture.pulse import STEADY, Pulse
from harness.capture.shell import SHELLS, Surroundings, execute
from harness.model.atomic import Atomic
from harness.model.manifest import Detonation, Execution

_HASTE = 3.0  # seconds for the cleanup of an interrupted attack: the user waits


def detonate(
    atomic: Atomic,
    attack: Surroundings,
    harness: Surroundings,
    *,
    timeout: float,
    arguments: Mapping[str, str] | None = None,
    pulse: Pulse = STEADY,
) -> Detonation:
    """Check the prerequisites, run the attack, always clean up.

    Only the attack runs in `attack`; prerequisites and cleanup run in `harness`, so that nothing they do counts as
    the attack's. A failed prerequisite skips the atomic; then `pulse` tells whether a part of the lab has died.
    Never raises for what a command does.
    """
    further: list[Execution] = []
    missing, died = unsupported(atomic), ""
    for dependency in [] if missing else atomic.test.dependencies:
        shell = atomic.test.dependency_executor_name or atomic.executor.name
        command = atomic.substitute(dependency.prereq_command, arguments)
        further.append(execute("prerequisite", shell, command, harness, timeout=timeout, pulse=pulse))
        if further[-1].exit_code != 0:
            missing = f"prerequisite not met: {' '.join(atomic.substitute(dependency.description, arguments).split())}"
            died = further[-1].given_up or pulse.died()
            break
    execution = None
    if not missing:
        try:
            command = atomic.substitute(atomic.executor.command, arguments).rstrip("\n")
            execution = execute("attack", atomic.executor.name, command, attack, timeout=timeout, pulse=pulse)
        finally:
            cleanup = atomic.executor.cleanup_command
            if interrupts.came():
                timeout = min(timeout, _HASTE)
            if cleanup:
                command = atomic.substitute(cleanup, arguments)
                further.append(execute("cleanup", atomic.executor.name, command, harness, timeout=timeout, pulse=pulse))
    return not_detonated(atomic, died or missing, lost=bool(died)).model_copy(
        update={"user": attack.user, "attack": execution, "others": further}
    )


def not_detonated(atomic: Atomic, why: str, *, lost: bool) -> Detonation:
    """The detonation of an atomic whose attack was not started; `lost` says that the lab failed."""
    return Detonation(
        atomic=atomic.id,
        guid=atomic.guid,
        technique=atomic.technique,
        name=atomic.name,
        skipped=why or None,
        user=None,
        attack=None,
        variant=atomic.variant,
        lost=lost,
    )


def unsupported(atomic: Atomic) -> str:
    """Why this atomic cannot run on this host; empty when it can."""
    if atomic.executor.name not in SHELLS:
        return f"executor '{atomic.executor.name}' does not run on Linux"
    if not {"linux", "containers"} & set(atomic.test.supported_platforms):
        return f"made for {', '.join(atomic.test.supported_platforms)}"
    if atomic.executor.elevation_required and os.geteuid() != 0:
        return "needs root"
    return ""
