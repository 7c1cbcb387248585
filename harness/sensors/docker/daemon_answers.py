"""What the Docker daemon's answers name as made: the id of a container or of an executed process, an image.

Docker Engine API: ContainerCreate, ContainerExec, and the JSON messages of ImageCreate, ImagePush and ImageBuild.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from harness.recording.masking import without_values

_VERSION = re.compile(r"^/v[\d.]+(?=/)")
_EXEC = re.compile(r"^/containers/[^/]+/exec$")
_PUSH = re.compile(r"^/images/(.+)/push$")
# What a container may do. Other keys of HostConfig are left out: some may hold secrets, such as a log driver's options.
_POWERS = set(
    "Privileged NetworkMode PidMode IpcMode UTSMode UsernsMode CgroupnsMode Binds Mounts VolumesFrom CapAdd CapDrop"
    " SecurityOpt Devices AutoRemove Runtime ReadonlyRootfs".split()
)
_RUNNING = re.compile(r"^ ---> Running in ([0-9a-f]{12,64})\s*$")
_PULLED = re.compile(r"^Status: .* for (\S+)$")


def tells_what_was_made(method: str, path: str) -> bool:
    """Whether the complete answer to this request names a new container or image."""
    place = place_of(path)
    known = place in ("/images/create", "/build") or bool(_PUSH.match(place))
    return method == "POST" and (known or tells_an_id(method, path))


def tells_an_id(method: str, path: str) -> bool:
    """Whether the answer is short and holds an id, which must be noted even if the client has gone."""
    place = place_of(path)
    return method == "POST" and (place in ("/containers/create", "/services/create") or bool(_EXEC.match(place)))


def configuration(body: bytes) -> dict[str, Any] | None:
    """The configuration in a request for a new container, without the values of variables; None where it can't be read.

    Keys are those of the API, `Config` and `HostConfig` in one object (Docker Engine API, ContainerCreate).
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("HostConfig") or {}, dict):
        return None
    host = {key: value for key, value in (document.get("HostConfig") or {}).items() if key in _POWERS}
    configured = {key: document[key] for key in ("Image", "Entrypoint", "Cmd", "User") if document.get(key)}
    if isinstance(document.get("Env"), list):
        configured["Env"] = without_values(document["Env"])
    return configured | {"HostConfig": host}


def made_container(path: str, status: int, body: bytes) -> str | None:
    """The id of the container that was created, or None."""
    return _id(body) if status == 201 and place_of(path) == "/containers/create" else None


def made_exec(path: str, status: int, body: bytes) -> str | None:
    """The id of the process to be executed in a container, or None."""
    return _id(body) if status == 201 and _EXEC.match(place_of(path)) else None


def made_service(path: str, status: int, body: bytes) -> str | None:
    """The id of the service that was created, or None. The swarm makes its containers."""
    if status not in (200, 201) or place_of(path) != "/services/create":
        return None
    return next((str(message["ID"]) for message in messages(body) if "ID" in message), None)


def built_containers(path: str, status: int, body: bytes) -> tuple[str, ...]:
    """The short ids of the containers that ran the steps of a build (the classic builder names each)."""
    if status != 200 or place_of(path) != "/build":
        return ()
    texts = (str(message.get("stream", "")) for message in messages(body))
    return tuple(match[1] for text in texts if (match := _RUNNING.match(text)))


def made_image(path: str, status: int, body: bytes) -> str | None:
    """The image as the daemon's events name it: by id where it was built, by name where it was pulled or pushed.

    None where the stream ends without a message of success: the status is 200 also when it fails later.
    """
    if status != 200:
        return None
    for message in messages(body):
        aux = message.get("aux")
        pushed = _PUSH.match(place_of(path))
        if pushed and isinstance(aux, dict) and "Digest" in aux:
            tag = parse_qs(urlsplit(path).query).get("tag", ["latest"])[0]
            return f"{unquote(pushed[1])}:{tag}"
        if isinstance(aux, dict) and str(aux.get("ID", "")).startswith("sha256:"):
            return str(aux["ID"])
        if pulled := _PULLED.match(str(message.get("status", ""))):
            return pulled[1]
    return None


def unchunk(body: bytes) -> bytes:
    """The content of a chunked body (RFC 9112, section 7.1), as far as it was received."""
    content = b""
    while body:
        head, _, tail = body.partition(b"\r\n")
        try:
            size = int(head.split(b";")[0], 16)
        except ValueError:
            break
        if size <= 0:
            break
        content, body = content + tail[:size], tail[size + 2 :]
    return content


def place_of(path: str) -> str:
    """The path without the API's version and the query."""
    return _VERSION.sub("", path.partition("?")[0])


def _id(body: bytes) -> str | None:
    return next((str(message["Id"]) for message in messages(body) if "Id" in message), None)


def messages(body: bytes) -> list[dict[str, Any]]:
    """The objects of a stream of JSON lines; other lines are skipped."""
    objects = []
    for line in body.splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict):
            objects.append(message)
    return objects
