"""Detonating one atomic: its prerequisites, the attack, and its cleanup, each in a shell of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping

from harness import interrupts
from harness.capture.pulse import STEADY, Pulse
from harness.capture.shell import SHELLS, Surroundings, execute
from harness.model.atomic import Atomic
from harness.model.manifest import Detonation, Execution

_HASTE = 3.0  # for the clean-up of an attack that was interrupted: somebody waits


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

    `attack` surrounds the attack alone; prerequisites and cleanup run in `harness`, so that nothing they do is
    ever counted as the attack's. A failed prerequisite skips the atomic; it never raises for what a command does.
    Where one fails, `pulse` tells whether something of the lab has died.
    """
    others: list[Execution] = []
    missing, died = unsupported(atomic), ""
    for dependency in [] if missing else atomic.test.dependencies:
        shell = atomic.test.dependency_executor_name or atomic.executor.name
        command = atomic.substitute(dependency.prereq_command, arguments)
        others.append(execute("prerequisite", shell, command, harness, timeout=timeout, pulse=pulse))
        if others[-1].exit_code != 0:
            missing = f"prerequisite not met: {' '.join(atomic.substitute(dependency.description, arguments).split())}"
            died = others[-1].given_up or pulse.died()
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
                others.append(execute("cleanup", atomic.executor.name, command, harness, timeout=timeout, pulse=pulse))
    return not_detonated(atomic, died or missing, lost=bool(died)).model_copy(
        update={"user": attack.user, "attack": execution, "others": others}
    )


def not_detonated(atomic: Atomic, why: str, *, lost: bool) -> Detonation:
    """An atomic whose attack was not started; `lost` says that the lab is to blame."""
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
