"""Rows of `DockerDaemon_CL`: the daemon's debug log, its events, and the inspect of each new container.

Sources: logrus' text format (key=value, quoted as Go does); Docker Engine API, SystemEvents and ContainerInspect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from harness.proof.attribution import Attribution, DockerRequest
from harness.proof.tables.arrivals import ArrivalOf
from harness.proof.tables.schema import ARRIVED, BACKGROUND, HARNESS, RECORD, SLICE, Row, complete

_PAIR = re.compile(r'([\w.@-]+)=("(?:[^"\\]|\\.)*"|\S*)')
_CALLING = re.compile(r"^Calling ([A-Z]+) (\S+)")
_ID_IN_URI = re.compile(r"/(?:containers|exec)/([0-9a-f]{64})")
_CREATE_URI = re.compile(r"/containers/create(\?|$)")
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

    def rows(self, lines: Iterable[bytes], arrival: ArrivalOf) -> Iterator[Row]:
        """One row for each line that has a time."""
        offset, request = 0, ("", "")
        for number, line in enumerate(lines, 1):
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
            row: Row = {
                "TimeGenerated": sql_time(at),
                "Source": "log",
                "Level": fields.get("level", ""),
                "Message": message,
                RECORD: f"{self._file}:{number}",
                ARRIVED: arrival(offset),
            }
            body = _body(message, fields)
            if body is not None and _CREATE_URI.search(request[1]):
                row |= self._create(body, at)
            row |= {} if SLICE in row else self._place(message, fields, request, at)
            yield complete("DockerDaemon_CL", row)

    def _create(self, body: dict[str, Any], at: float) -> Row:
        row = {"Action": "create", "Method": "POST", "Body": _masked(body)}
        row |= _configuration(body, body.get("HostConfig") or {})
        request = self._request_of(body, at)
        if request is None:
            return row | {SLICE: BACKGROUND}
        self._paired.add(request.container_id)
        return row | {SLICE: request.atomic, "ContainerId": request.container_id}

    def _request_of(self, body: dict[str, Any], at: float) -> DockerRequest | None:
        """The atomic's request that this body came with: the one under way, with the same configuration."""
        wanted = fingerprint(body, body.get("HostConfig") or {})
        for request in self._attribution.creates_at(at):
            inspect = self._inspected.get(request.container_id)
            if request.container_id in self._paired:
                continue
            if inspect is None or fingerprint(inspect.get("Config") or {}, inspect.get("HostConfig") or {}) == wanted:
                return request
        return None

    def _place(self, message: str, fields: dict[str, str], request: tuple[str, str], at: float) -> Row:
        if self._attribution.is_canary(message + fields.get("request-url", "")):
            return {SLICE: HARNESS}
        row: Row = {}
        if message.startswith(("Calling ", "handling ")):
            row = {"Method": request[0], "Uri": request[1]}
        container = fields.get("container", "") or "".join(_ID_IN_URI.findall(row.get("Uri", ""))[:1])
        if container:
            return row | {"ContainerId": container, SLICE: self._attribution.of_container(container)}
        return row | {SLICE: self._attribution.of_request(*request, at) if row else BACKGROUND}


def event_rows(
    lines: Iterable[bytes], file: str, attribution: Attribution, arrival: ArrivalOf
) -> tuple[list[Row], dict[str, dict[str, Any]]]:
    """Rows from events (Source `event`) and inspects (`inspect`), and the inspects by container id."""
    rows: list[Row] = []
    inspected: dict[str, dict[str, Any]] = {}
    offset = 0
    for number, line in enumerate(lines, 1):
        offset += len(line)
        item = _object(line)
        event = item.get("event")
        if not isinstance(event, dict) or not isinstance(event.get("Actor"), dict):
            continue
        where: Row = {RECORD: f"{file}:{number}", ARRIVED: arrival(offset)}
        row = _event(event, attribution)
        rows.append(complete("DockerDaemon_CL", row | where))
        inspect = item.get("inspect")
        if isinstance(inspect, dict) and row["ContainerId"]:
            inspected[row["ContainerId"]] = inspect
            config, host = inspect.get("Config") or {}, inspect.get("HostConfig") or {}
            detail = row | _configuration(config, host) | {"Source": "inspect", "Body": _masked(inspect)}
            rows.append(complete("DockerDaemon_CL", detail | where))
    return rows, inspected


def _event(event: dict[str, Any], attribution: Attribution) -> Row:
    attributes = event["Actor"].get("Attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    kind, identifier = str(event.get("Type", "")), str(event["Actor"].get("ID", ""))
    container = identifier if kind == "container" else str(attributes.get("container", ""))
    nanoseconds = event.get("timeNano")
    code = str(attributes.get("exitCode", ""))
    if attribution.is_canary(json.dumps(attributes)):
        whose = HARNESS
    else:
        whose = attribution.of_container(container) if container else BACKGROUND
    return {
        "TimeGenerated": sql_time(nanoseconds / 1e9) if isinstance(nanoseconds, int) else None,
        "Source": "event",
        "Message": f"{kind} {event.get('Action', '')}",
        "Action": str(event.get("Action", "")),
        "ContainerId": container,
        "ContainerName": str(attributes.get("name", "")) if kind == "container" else "",
        "Image": str(attributes.get("image", "")),
        "ExitCode": int(code) if code.isdigit() else None,
        SLICE: whose,
    }


def _configuration(config: dict[str, Any], host: dict[str, Any]) -> Row:
    """The columns that tell what a container may do. The same keys stand in a create's body and in an inspect."""
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


def fingerprint(config: dict[str, Any], host: dict[str, Any]) -> tuple[str, ...]:
    """What a create's body and the inspect of its container have in common."""
    found = _configuration(config, host)
    return tuple(json.dumps(found[key]) for key in ("Image", "Command", "Privileged", "PidMode", "Binds", "CapAdd"))


def _words(value: Any) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def _body(message: str, fields: dict[str, str]) -> dict[str, Any] | None:
    if message.startswith("form data: "):
        found = _object(message.removeprefix("form data: ").encode())
    elif "form-data" in fields:
        found = _object(fields["form-data"].encode())
    else:
        return None
    return found or None


def _masked(document: dict[str, Any]) -> dict[str, Any]:
    """Without the values of the environment."""
    copy = dict(document)
    for holder in (copy, copy.get("Config")):
        if isinstance(holder, dict) and holder.get("Env"):
            holder["Env"] = [f"{str(entry).partition('=')[0]}=***" for entry in _words(holder["Env"])]
    return copy


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
