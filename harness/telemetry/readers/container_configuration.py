"""The configuration of a container, from the body of a create or from an inspect.

Source: Docker Engine API, ContainerCreate and ContainerInspect.
"""

from __future__ import annotations

import json
from typing import Any

from harness.recording.json_lines import parsed
from harness.recording.masking import without_values
from harness.telemetry.schema import Row


def configuration(config: Any, host: Any) -> Row:
    """The columns for a container's configuration. The body of a create and an inspect have the same keys."""
    config, host = (value if isinstance(value, dict) else {} for value in (config, host))
    return {
        "Image": str(config.get("Image") or ""),
        "Command": " ".join(words(config.get("Entrypoint")) + words(config.get("Cmd"))),
        "Privileged": bool(host.get("Privileged")),
        "NetworkMode": str(host.get("NetworkMode") or ""),
        "PidMode": str(host.get("PidMode") or ""),
        "IpcMode": str(host.get("IpcMode") or ""),
        "Binds": words(host.get("Binds")),
        "CapAdd": words(host.get("CapAdd")),
        "SecurityOpt": words(host.get("SecurityOpt")),
    }


def fingerprint(config: Any, host: Any) -> tuple[str, ...]:
    """What the body of a create and the inspect of its container have in common."""
    columns = configuration(config, host)
    # where the body has no network, an inspect may have the one that the daemon chose
    network = "bridge" if columns["NetworkMode"] in ("", "default") else columns["NetworkMode"]
    keys = ("Image", "Command", "Privileged", "PidMode", "Binds", "CapAdd")
    return (network, *(json.dumps(columns[key]) for key in keys))


def words(value: Any) -> list[str]:
    """The texts of a list, or one text as a list."""
    return [str(word) for word in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def masked(document: dict[str, Any]) -> dict[str, Any]:
    """A copy without the values of environment variables."""
    copy = dict(document)
    if isinstance(copy.get("Config"), dict):
        copy["Config"] = masked(copy["Config"])
    if copy.get("Env"):
        copy["Env"] = without_values(words(copy["Env"]))
    return copy


def as_object(line: bytes) -> dict[str, Any]:
    """The JSON object on a line; an empty one where there is none."""
    try:
        value = parsed(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
