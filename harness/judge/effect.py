"""The effect of an attack, as the daemon and the API server recorded it.

It holds powers, image, command, resource, verb and result, but no spelling, names, ids or times.
Sources: Docker Engine API, ContainerInspect; capabilities(7); audit.k8s.io/v1 Event.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from harness.kql.workspace import Workspace
from harness.recording.json_lines import parsed, whole
from harness.telemetry.readers.container_configuration import words

SENSORS = ("docker_daemon", "kube_audit")  # they record effects
_CONTAINERS = 'DockerDaemon_CL | where Source == "inspect" and Action == "create" | project Body'
_ENDS = 'DockerDaemon_CL | where Source == "event" and Action in ("die", "exec_die") | project Action, ExitCode'
_EXECS = 'DockerDaemon_CL | where Source == "event" and Action startswith "exec_create: " | project Action'
_REQUESTS = 'AKSAudit | where Stage == "ResponseComplete" | project Verb, ObjectRef, ResponseStatus'
# a stream (exec, port-forward) is answered when it begins
_STREAMS = 'AKSAudit | where Stage == "ResponseStarted" | project Verb, ObjectRef, ResponseStatus'
# The namespaces that a container may share, by their keys in HostConfig, and the values for an own namespace.
_MODES = {
    "NetworkMode": "network",
    "PidMode": "pid",
    "IpcMode": "ipc",
    "UTSMode": "uts",
    "UsernsMode": "userns",
    "CgroupnsMode": "cgroup",
}
_NO_MODE = ("", "default", "private", "bridge")
_DEVICE = ("PathOnHost", "PathInContainer", "CgroupPermissions")
_IMPLIED = frozenset({"label=disable"})  # a privileged container always has it


@dataclass(frozen=True, order=True)
class Mount:
    """A folder or file of the host in a container."""

    source: str
    target: str
    writable: bool


@dataclass(frozen=True)
class Container:
    """A container and its powers. `modes` are the namespaces that it shares: `network=host`, `pid=host`.

    `devices` are the host's devices and their rules, `settings` the kernel settings of its own namespaces. `dropped`
    capabilities are taken from it, and with `read_only` writing to its root.
    """

    image: str
    command: tuple[str, ...]
    user: str
    privileged: bool
    capabilities: frozenset[str]
    modes: frozenset[str]
    security: frozenset[str]
    mounts: frozenset[Mount]
    devices: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    settings: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()
    read_only: bool = False


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
    """The effect of one slice. `ends` are the exit codes of its containers' processes."""

    containers: tuple[Container, ...]
    execs: frozenset[str]
    requests: frozenset[Request]
    ends: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to compare."""
        return not (self.containers or self.execs or self.requests)


def effect_of(workspace: Workspace, slice_: str) -> Effect:
    """The effect of one slice. Raises QueryFailed."""
    containers = [_container(_object(row["Body"])) for row in workspace.query(_CONTAINERS, slice_)]
    execs = frozenset(str(row["Action"]).partition(": ")[2] for row in workspace.query(_EXECS, slice_))
    ends = frozenset(f"{row['Action']} {row['ExitCode']}" for row in workspace.query(_ENDS, slice_))
    answered = [*workspace.query(_REQUESTS, slice_), *workspace.query(_STREAMS, slice_)]
    requests = frozenset(_request(row) for row in answered if _object(row["ObjectRef"]).get("resource"))
    return Effect(tuple(containers), execs, requests, ends)


def _container(inspect: dict[str, Any]) -> Container:
    config, host = _object(inspect.get("Config")), _object(inspect.get("HostConfig"))
    privileged = bool(host.get("Privileged"))
    modes = {name: str(host.get(key) or "") for key, name in _MODES.items()}
    mounts = [_object(mount) for mount in _list(inspect.get("Mounts"))]
    drops = [] if privileged else [_capability(c) for c in words(host.get("CapDrop"))]  # a privileged container has all
    return Container(
        image=str(config.get("Image") or ""),
        command=(*words(config.get("Entrypoint")), *words(config.get("Cmd"))),
        user=str(config.get("User") or ""),
        privileged=privileged,
        capabilities=frozenset(_capability(c) for c in words(host.get("CapAdd"))),
        modes=frozenset(f"{name}={mode}" for name, mode in modes.items() if mode not in _NO_MODE),
        security=_security(host, privileged=privileged),
        mounts=frozenset(Mount(_path(m), str(m.get("Destination") or ""), bool(m.get("RW"))) for m in mounts),
        devices=_devices(host),
        groups=frozenset(words(host.get("GroupAdd"))),
        settings=frozenset(f"{name}={value}" for name, value in _object(host.get("Sysctls")).items()),
        dropped=frozenset(drops),
        read_only=bool(host.get("ReadonlyRootfs")),
    )


def _capability(name: Any) -> str:
    return str(name).upper().removeprefix("CAP_")


def _security(host: dict[str, Any], *, privileged: bool) -> frozenset[str]:
    """The security options. The daemon keeps `systempaths=unconfined` as an empty list of paths to mask."""
    options = frozenset(words(host.get("SecurityOpt")))
    if privileged:
        return options - _IMPLIED
    return options | ({"systempaths=unconfined"} if host.get("MaskedPaths") == [] else set())


def _devices(host: dict[str, Any]) -> frozenset[str]:
    devices = (_object(device) for device in _list(host.get("Devices")))
    paths = {":".join(str(device.get(key) or "") for key in _DEVICE) for device in devices}
    requests = {json.dumps(request, sort_keys=True) for request in _list(host.get("DeviceRequests"))}
    return frozenset(paths | requests | set(words(host.get("DeviceCgroupRules"))))


def _path(mount: dict[str, Any]) -> str:
    """A path of the host; /var/run is a link to /run (Filesystem Hierarchy Standard 3.0, 5.13)."""
    path = str(mount.get("Source") or "")
    return path.removeprefix("/var") if PurePosixPath(path).is_relative_to("/var/run") else path


def _request(row: dict[str, Any]) -> Request:
    reference, status = _object(row["ObjectRef"]), _object(row["ResponseStatus"])
    resource = "/".join(str(reference[key]) for key in ("resource", "subresource") if reference.get(key))
    namespace, name = str(reference.get("namespace") or ""), str(reference.get("name") or "")
    return Request(str(row["Verb"]), resource, namespace, name, _code(status.get("code")))


def _code(value: Any) -> int:
    """The status of an answer; 0 for any other value, which makes the line damaged (`line_shapes.py`)."""
    try:
        return whole(value)
    except ValueError:
        return 0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = parsed(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}
