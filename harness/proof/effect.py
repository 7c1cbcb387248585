"""What an attack brought about, as the daemon and the API server have it, and whether another did the same.

Spelling, names, ids and times are left out; powers, image, command, resource, verb and result are not.
Sources: Docker Engine API, ContainerInspect; capabilities(7); audit.k8s.io/v1 Event.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from harness.proof.engines import Engine

Equivalence = Literal["identical", "covers", "different", "none", "unknown"]
SENSORS = ("docker_daemon", "kube_audit")  # that tell of it
_CONTAINERS = 'DockerDaemon_CL | where Source == "inspect" and Action == "create" | project Body'
_ENDS = 'DockerDaemon_CL | where Source == "event" and Action in ("die", "exec_die") | project Action, ExitCode'
_EXECS = 'DockerDaemon_CL | where Source == "event" and Action startswith "exec_create: " | project Action'
_REQUESTS = 'AKSAudit | where Stage == "ResponseComplete" | project Verb, ObjectRef, ResponseStatus'
# a stream (exec, port-forward) is answered when it begins
_STREAMS = 'AKSAudit | where Stage == "ResponseStarted" | project Verb, ObjectRef, ResponseStatus'
# The namespaces that a container may share, as HostConfig calls them, and what says that it does not.
_MODES = {"NetworkMode": "network", "PidMode": "pid", "IpcMode": "ipc", "UTSMode": "uts", "UsernsMode": "userns"}
_NO_MODE = ("", "default", "private", "bridge")
_ALL = "ALL"  # all capabilities
_IMPLIED = frozenset({"label=disable"})  # what a privileged container gets without asking


@dataclass(frozen=True, order=True)
class Mount:
    """A folder or file of the host in a container."""

    source: str
    target: str
    writable: bool


@dataclass(frozen=True)
class Container:
    """What a container is and may do. `modes` are the namespaces that it shares: `network=host`, `pid=host`."""

    image: str
    command: tuple[str, ...]
    user: str
    privileged: bool
    capabilities: frozenset[str]
    modes: frozenset[str]
    security: frozenset[str]
    mounts: frozenset[Mount]


@dataclass(frozen=True, order=True)
class Request:
    """A request to the API server about a resource, and how it was answered."""

    verb: str
    resource: str
    namespace: str
    name: str
    code: int


@dataclass(frozen=True)
class Effect:
    """All that one slice brought about. `ends` are the exit codes of its containers' processes."""

    containers: tuple[Container, ...]
    execs: frozenset[str]
    requests: frozenset[Request]
    ends: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to compare."""
        return not (self.containers or self.execs or self.requests)


def effect_of(engine: Engine, slice_: str) -> Effect:
    """The effect of one slice. Raises QueryFailed."""
    containers = [_container(_object(row["Body"])) for row in engine.query(_CONTAINERS, slice_)]
    execs = frozenset(str(row["Action"]).partition(": ")[2] for row in engine.query(_EXECS, slice_))
    ends = frozenset(f"{row['Action']} {row['ExitCode']}" for row in engine.query(_ENDS, slice_))
    answered = [*engine.query(_REQUESTS, slice_), *engine.query(_STREAMS, slice_)]
    requests = frozenset(_request(row) for row in answered if _object(row["ObjectRef"]).get("resource"))
    return Effect(tuple(containers), execs, requests, ends)


def compare(base: Effect, other: Effect) -> tuple[Equivalence, list[str]]:
    """Whether `other` did what `base` did, and what differs, in words: what is missing before what it did beyond."""
    if base.empty:
        return "unknown", ["nothing is known of what the atomic itself brought about"]
    if other.empty:
        return "none", ["it brought nothing about"]
    missing, beyond = list[str](), list[str]()
    for container, like in _paired(base.containers, other.containers):
        if like is None:
            missing.append(f"no container like {' '.join(container.command)}")
            continue
        lost, more = _differences(container, like)
        missing += lost
        beyond += more
    missing += [f"'{absent}' was not executed" for absent in sorted(base.execs - other.execs)]
    missing += [f"nothing ended with '{end}'" for end in sorted(base.ends - other.ends)]
    missing += [f"no {r.verb} of {_named(r)} answered {r.code}" for r in sorted(base.requests - other.requests)]
    beyond += [f"also {r.verb} of {_named(r)}" for r in sorted(other.requests - base.requests)]
    if len(other.containers) > len(base.containers):
        beyond.append(f"{len(other.containers)} containers instead of {len(base.containers)}")
    if missing:
        return "different", missing + beyond
    return "covers" if beyond else "identical", beyond


def _paired(base: Sequence[Container], others: Sequence[Container]) -> list[tuple[Container, Container | None]]:
    """Each container with the most similar of the others, which then stands for no second one."""
    left, pairs = list(others), list[tuple[Container, Container | None]]()
    for container in sorted(base, key=lambda each: each not in others):  # exact likenesses first
        like = min(left, key=lambda each: sum(map(len, _differences(container, each))), default=None)
        if like:
            left.remove(like)
        pairs.append((container, like))
    return pairs


def _differences(base: Container, other: Container) -> tuple[list[str], list[str]]:
    """What `base` is and may do and `other` does not, and what `other` may do beyond."""
    missing = [
        f"{what} {getattr(other, what)!r} instead of {getattr(base, what)!r}"
        for what in ("image", "command", "user")
        if getattr(base, what) != getattr(other, what)
    ]
    beyond = ["privileged"] if other.privileged and not base.privileged else []
    missing += ["not privileged"] if base.privileged and not other.privileged else []
    for what in ("capabilities", "modes", "security"):
        have, want = getattr(other, what), getattr(base, what)
        beyond += [f"also {what} {each}" for each in sorted(have - want)]
        if _ALL not in have or what != "capabilities":
            missing += [f"without {what} {each}" for each in sorted(want - have)]
    for mount in sorted(base.mounts - other.mounts):
        like = [each for each in sorted(other.mounts) if _reaches(each, mount)]
        beyond += [f"mount {each.source}:{each.target}" for each in like[:1]]
        missing += [] if like else [f"no mount of {mount.source}"]
    return missing, beyond


def _reaches(mount: Mount, wanted: Mount) -> bool:
    """Whether all that `wanted` gives can be had by `mount`."""
    inside = PurePosixPath(wanted.source).is_relative_to(mount.source)
    return inside and (mount.writable or not wanted.writable)


def _container(inspect: dict[str, Any]) -> Container:
    config, host = inspect.get("Config") or {}, inspect.get("HostConfig") or {}
    privileged = bool(host.get("Privileged"))
    modes = {name: str(host.get(key) or "") for key, name in _MODES.items()}
    mounts = inspect.get("Mounts") or []
    return Container(
        image=str(config.get("Image") or ""),
        command=(*map(str, config.get("Entrypoint") or []), *map(str, config.get("Cmd") or [])),
        user=str(config.get("User") or ""),
        privileged=privileged,
        capabilities=frozenset(str(c).upper().removeprefix("CAP_") for c in host.get("CapAdd") or []),
        modes=frozenset(f"{name}={mode}" for name, mode in modes.items() if mode not in _NO_MODE),
        security=frozenset(map(str, host.get("SecurityOpt") or [])) - (_IMPLIED if privileged else frozenset()),
        mounts=frozenset(Mount(_path(m), str(m.get("Destination") or ""), bool(m.get("RW"))) for m in mounts),
    )


def _path(mount: dict[str, Any]) -> str:
    """A path of the host; /var/run is a link to /run (Filesystem Hierarchy Standard 3.0, 5.13)."""
    path = str(mount.get("Source") or "")
    return path.removeprefix("/var") if PurePosixPath(path).is_relative_to("/var/run") else path


def _request(row: dict[str, Any]) -> Request:
    reference, status = _object(row["ObjectRef"]), _object(row["ResponseStatus"])
    resource = "/".join(str(reference[key]) for key in ("resource", "subresource") if reference.get(key))
    namespace, name = str(reference.get("namespace") or ""), str(reference.get("name") or "")
    return Request(str(row["Verb"]), resource, namespace, name, int(status.get("code") or 0))


def _named(request: Request) -> str:
    where = f" in {request.namespace}" if request.namespace else ""
    return f"{request.resource}{'/' if request.name else ''}{request.name}{where}"


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}
