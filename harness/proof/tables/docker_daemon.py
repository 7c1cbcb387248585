"""Rows of `DockerDaemon_CL`: the daemon's debug log, its events, and the inspect of each new container.

Sources: logrus' text format (key=value, quoted as Go does); Docker Engine API, SystemEvents and ContainerInspect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness.model.manifest import HARNESS
from harness.proof.tables.arrivals import ArrivalOf
from harness.proof.tables.audit_log import number
from harness.proof.tables.schema import ARRIVED, BACKGROUND, RECORD, SLICE, Row, complete, one_of

if TYPE_CHECKING:
    from harness.proof.attribution import Attribution, DockerRequest

_PAIR = re.compile(r'([\w.@-]+)=("(?:[^"\\]|\\.)*"|\S*)')
_CALLING = re.compile(r"^Calling ([A-Z]+) (\S+)")
_ID_IN_URI = re.compile(r"/(?:containers|exec)/([0-9a-f]{64})")
_CREATE_URI = re.compile(r"/containers/create(\?|$)")
_FORM = "form data: "
# The events of files that go out of a container or into it; what is done to it otherwise is its creator's.
_FILES = ("archive-path", "extract-to-dir", "copy", "export")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def parse_logfmt(line: str) -> dict[str, str]:
    """The fields of one log line. What is not key=value is passed over."""
    return {name: _unquote(value) for name, value in _PAIR.findall(line)}


def _unquote(value: str) -> str:
    if len(value) < 2 or value[0] != '"':
        return value
    try:
        return str(json.loads(value))
    except ValueError:  # Go escapes that JSON has not, such as \x1b
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), value[1:-1])


class LogRows:
    """Rows from the debug log. The body of a create stands on a line of its own that names no container."""

    def __init__(self, file: str, attribution: Attribution, inspected: dict[str, dict[str, Any]]) -> None:
        self._file = file
        self._attribution = attribution
        self._inspected = inspected
        self._paired: set[str] = set()
        self._moments: list[tuple[float, tuple[str, ...]]] = []

    def rows(self, lines: Iterable[bytes], arrival: ArrivalOf) -> Iterator[Row]:
        """One row for each line that has a time."""
        lines = list(lines)
        self._moments = [found for line in lines if (found := _create_moment(line)) is not None]
        offset, request = 0, ("", "")
        for place, line in enumerate(lines, 1):
            offset += len(line)
            fields = parse_logfmt(line.decode(errors="replace"))
            at = parse_time(fields.get("time", ""))
            if at is None:
                continue
            message = fields.get("msg", "")
            if match := _CALLING.match(message):
                request = (match[1], match[2])
            elif fields.get("method") and fields.get("request-url"):  # release 27 and later
                request = (fields["method"], fields["request-url"])
            body = _body(message, fields)
            row: Row = {
                "TimeGenerated": sql_time(at),
                "Source": "log",
                "Level": fields.get("level", ""),
                "Message": _without_secrets(message, body),
                RECORD: f"{self._file}:{place}",
                ARRIVED: arrival(offset),
            }
            if body is not None and _is_create(body, request[1]):
                row |= self._create(body, at)
            row |= {} if SLICE in row else self._place(message, fields, request, at)
            yield complete("DockerDaemon_CL", row)

    def _create(self, body: dict[str, Any], at: float) -> Row:
        row = {"Action": "create", "Method": "POST", "Body": _masked(body)}
        row |= _configuration(body, body.get("HostConfig") or {})
        requests = self._requests_of(body, at)
        if not requests:
            return row | {SLICE: self._attribution.docker.unknown(at) or BACKGROUND}
        whose = one_of(each.atomic for each in requests)
        if whose != requests[0].atomic:  # the same at the same moment, and not all of one party
            return row | {SLICE: whose}
        self._paired.add(requests[0].container_id)
        return row | {SLICE: whose, "ContainerId": requests[0].container_id}

    def _requests_of(self, body: dict[str, Any], at: float) -> list[DockerRequest]:
        """The requests that this body may have come with: those under way, with the same configuration."""
        found = []
        wanted = fingerprint(body, body.get("HostConfig") or {})
        for request in self._attribution.docker.creates_at(at):
            inspect = self._inspected.get(request.container_id)
            if request.container_id in self._paired:
                continue
            if inspect is None:  # nothing to compare with: told apart only where there is nothing to tell apart
                under_way = {
                    each for moment, each in self._moments if request in self._attribution.docker.creates_at(moment)
                }
                if under_way == {wanted}:
                    found.append(request)
            elif fingerprint(inspect.get("Config") or {}, inspect.get("HostConfig") or {}) == wanted:
                found.append(request)
        return found

    def _place(self, message: str, fields: dict[str, str], request: tuple[str, str], at: float) -> Row:
        if self._attribution.is_canary(message + fields.get("request-url", "")):
            return {SLICE: HARNESS}
        row: Row = {}
        if message.startswith(("Calling ", "handling ")):
            row = {"Method": request[0], "Uri": request[1]}
        container = fields.get("container", "") or "".join(_ID_IN_URI.findall(row.get("Uri", ""))[:1])
        if container and not (row and self._attribution.docker.all_noted):
            return row | {"ContainerId": container, SLICE: self._attribution.of_container(container, at)}
        row |= {"ContainerId": container} if container else {}
        return row | {SLICE: self._attribution.docker.of_request(*request, at) if row else BACKGROUND}


def event_rows(
    lines: Iterable[bytes], file: str, attribution: Attribution, arrival: ArrivalOf
) -> tuple[list[Row], dict[str, dict[str, Any]]]:
    """Rows from events (Source `event`) and inspects (`inspect`), and the inspects by container id."""
    rows: list[Row] = []
    inspected: dict[str, dict[str, Any]] = {}
    offset = 0
    for place, line in enumerate(lines, 1):
        offset += len(line)
        item = _object(line)
        event = item.get("event")
        if not isinstance(event, dict) or not isinstance(event.get("Actor"), dict):
            continue
        where: Row = {RECORD: f"{file}:{place}", ARRIVED: arrival(offset)}
        row = _event(event, attribution)
        rows.append(complete("DockerDaemon_CL", row | where))
        inspect, told = item.get("inspect"), ""
        if inspect is None and row["Action"] == "create" and row["ContainerId"]:
            # it was gone before it could be asked for: the daemon granted what was requested
            inspect, told = attribution.docker.asked_for(row["ContainerId"]), ", as requested"
        if isinstance(inspect, dict) and row["ContainerId"]:
            inspected[row["ContainerId"]] = inspect
            config, host = inspect.get("Config") or {}, inspect.get("HostConfig") or {}
            detail = row | _configuration(config, host) | {"Source": "inspect", "Body": _masked(inspect)}
            detail["Message"] += told
            rows.append(complete("DockerDaemon_CL", detail | where))
    return rows, inspected


def _event(event: dict[str, Any], attribution: Attribution) -> Row:
    attributes = event["Actor"].get("Attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    kind, identifier = str(event.get("Type", "")), str(event["Actor"].get("ID", ""))
    container = identifier if kind == "container" else str(attributes.get("container", ""))
    nanoseconds = event.get("timeNano")
    code = str(attributes.get("exitCode", ""))
    whose = BACKGROUND
    if attribution.is_canary(json.dumps(attributes)):
        whose = HARNESS
    elif executed := str(attributes.get("execID", "")):
        whose = attribution.docker.of_exec(executed)
    elif event.get("Action") in _FILES and isinstance(nanoseconds, int):
        whose = attribution.docker.of_files(container, str(attributes.get("name", "")), nanoseconds / 1e9)
    elif container:
        whose = attribution.of_container(container, nanoseconds / 1e9 if isinstance(nanoseconds, int) else None)
    elif kind == "image" and isinstance(nanoseconds, int):
        told = (str(event.get("Action", "")), str(attributes.get("name", "")))
        whose = attribution.docker.of_image(identifier, told, nanoseconds / 1e9)
    return {
        "TimeGenerated": sql_time(nanoseconds / 1e9)
        if isinstance(nanoseconds, int) and abs(nanoseconds) < 1 << 63
        else None,
        "Source": "event",
        "Message": f"{kind} {event.get('Action', '')}",
        "Action": str(event.get("Action", "")),
        "ContainerId": container,
        "ContainerName": str(attributes.get("name", "")) if kind == "container" else "",
        "Image": str(attributes.get("image", "")),
        "ExitCode": number(code),
        SLICE: whose,
    }


def _configuration(config: Any, host: Any) -> Row:
    """The columns that tell what a container may do. The same keys stand in a create's body and in an inspect."""
    config, host = (each if isinstance(each, dict) else {} for each in (config, host))
    return {
        "Image": str(config.get("Image") or ""),
        "Command": " ".join(_words(config.get("Entrypoint")) + _words(config.get("Cmd"))),
        "Privileged": bool(host.get("Privileged")),
        "NetworkMode": str(host.get("NetworkMode") or ""),
        "PidMode": str(host.get("PidMode") or ""),
        "IpcMode": str(host.get("IpcMode") or ""),
        "Binds": _words(host.get("Binds")),
        "CapAdd": _words(host.get("CapAdd")),
        "SecurityOpt": _words(host.get("SecurityOpt")),
    }


def fingerprint(config: Any, host: Any) -> tuple[str, ...]:
    """What a create's body and the inspect of its container have in common."""
    found = _configuration(config, host)
    # an inspect may tell the network that the daemon chose where the body left it open
    network = "bridge" if found["NetworkMode"] in ("", "default") else found["NetworkMode"]
    keys = ("Image", "Command", "Privileged", "PidMode", "Binds", "CapAdd")
    return (network, *(json.dumps(found[key]) for key in keys))


def _words(value: Any) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def _is_create(body: dict[str, Any], uri: str) -> bool:
    """Whether a body is that of a create. In older releases another request's line may stand between it and its own."""
    return "HostConfig" in body or ("Image" in body and bool(_CREATE_URI.search(uri)))


def _create_moment(line: bytes) -> tuple[float, tuple[str, ...]] | None:
    """When a create's body was logged, and its fingerprint; None for any other line."""
    if (b"form data: " not in line and b"form-data=" not in line) or b"Image" not in line:
        return None
    fields = parse_logfmt(line.decode(errors="replace"))
    at, body = parse_time(fields.get("time", "")), _body(fields.get("msg", ""), fields)
    return (at, fingerprint(body, body.get("HostConfig") or {})) if at is not None and body else None


def _body(message: str, fields: dict[str, str]) -> dict[str, Any] | None:
    if message.startswith(_FORM):
        found = _object(message.removeprefix(_FORM).encode(errors="replace"))
    elif "form-data" in fields:
        found = _object(fields["form-data"].encode(errors="replace"))
    else:
        return None
    return found or None


def _masked(document: dict[str, Any]) -> dict[str, Any]:
    """Without the values of the environment."""
    copy = dict(document)
    if isinstance(copy.get("Config"), dict):
        copy["Config"] = _masked(copy["Config"])
    if copy.get("Env"):
        copy["Env"] = [f"{entry.partition('=')[0]}=***" for entry in _words(copy["Env"])]
    return copy


def _without_secrets(message: str, body: dict[str, Any] | None) -> str:
    """A message of the log. The body of a request stands in it, so that is masked here too."""
    if not message.startswith(_FORM):
        return message
    if body is None:
        return f"{_FORM}(unreadable)"
    masked = _masked(body)
    return message if masked == body else f"{_FORM}{json.dumps(masked, ensure_ascii=False)}"


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def parse_time(text: str) -> float | None:
    """Seconds since the epoch, from RFC 3339 with up to nine decimals."""
    try:
        return datetime.fromisoformat(text).timestamp() if "T" in text else None
    except (ValueError, OverflowError):
        return None


def sql_time(seconds: float) -> str | None:
    """UTC, in the form that a TIMESTAMP is read from."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    except (ValueError, OverflowError, OSError):
        return None
