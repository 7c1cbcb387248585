"""Effects to compare, with what most containers have in common."""

from __future__ import annotations

from typing import Any

from harness.judge.effect import Container, Effect, Request


def container(**more: Any) -> Container:
    values: dict[str, Any] = {
        "image": "busybox",
        "command": ("id",),
        "user": "",
        "privileged": False,
        "capabilities": frozenset(),
        "modes": frozenset(),
        "security": frozenset(),
        "mounts": frozenset(),
    }
    return Container(**values | more)


def effect(*containers: Container, execs: set[str] | None = None, requests: set[Request] | None = None) -> Effect:
    return Effect(containers, frozenset(execs or ()), frozenset(requests or ()))
