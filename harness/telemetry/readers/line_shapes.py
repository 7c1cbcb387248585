"""Whether a line of a raw file has the shape that its sensor writes. Any other shape is damage, and no evidence.

A shape is a type, a list with the shape of its elements, or an object's keys with their shapes. A key with an asterisk
is required. Otherwise a missing or null value fits. Sources: Docker Engine API, SystemEvents and ContainerInspect;
audit.k8s.io/v1 Event.
"""

from __future__ import annotations

from typing import Any

from harness.recording.json_lines import parsed, seconds, text, whole

_WORDS = [text]
_MOUNT = {"Type": text, "Source": text, "Destination": text, "RW": bool}
_CONFIG = {"Image": text, "Entrypoint": _WORDS, "Cmd": _WORDS, "User": text}
_HOST = {
    "Privileged": bool,
    "ReadonlyRootfs": bool,
    **dict.fromkeys(("NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode"), text),
    **dict.fromkeys(("Binds", "CapAdd", "CapDrop", "SecurityOpt", "GroupAdd", "DeviceCgroupRules"), _WORDS),
    "Devices": [{}],
    "DeviceRequests": [{}],
    "MaskedPaths": _WORDS,
    "Sysctls": {},
}
_INSPECT = {"Config": _CONFIG, "HostConfig": _HOST, "Mounts": [_MOUNT]}
_ACTOR = {"ID*": text, "Attributes": {"name": text, "image": text, "exitCode": text, "execID": text, "container": text}}
DAEMON_EVENT: dict[str, Any] = {
    "event*": {"Type*": text, "Action*": text, "Actor*": _ACTOR, "timeNano*": whole},
    "inspect": _INSPECT,
}
_REFERENCE = dict.fromkeys(("resource", "subresource", "namespace", "name", "apiGroup"), text)
KUBE_EVENT: dict[str, Any] = {
    **dict.fromkeys(("kind*", "stage*", "verb*", "requestURI*", "auditID", "level", "userAgent"), text),
    **dict.fromkeys(("requestReceivedTimestamp", "stageTimestamp"), text),
    "user*": {"username*": text, "groups": _WORDS, "extra": {}},
    "sourceIPs": _WORDS,
    "objectRef": _REFERENCE,
    "responseStatus": {"code": whole},
    "annotations": {},
}
ARRIVAL: dict[str, Any] = {"file*": text, "offset*": whole, "time*": seconds}


def has_shape(line: bytes, shape: dict[str, Any]) -> bool:
    """Whether a line holds an object of this shape."""
    try:
        value = parsed(line)
    except ValueError:
        return False
    return value is not None and _fits(value, shape)


def _fits(value: Any, shape: Any) -> bool:
    if value is None:
        return True
    if isinstance(shape, list):
        return isinstance(value, list) and all(element is not None and _fits(element, shape[0]) for element in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(_has(value, key, inner) for key, inner in shape.items())
    if shape is bool:
        return isinstance(value, bool)
    try:
        shape(value)
    except ValueError:
        return False
    return True


def _has(value: dict[str, Any], key: str, shape: Any) -> bool:
    member = value.get(key.removesuffix("*"))
    return _fits(member, shape) and not (member is None and key.endswith("*"))
