"""Rows of `DockerDaemon_CL` from the daemon's debug log.

Source: logrus' text format (key=value, quoted as Go does).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from harness.model.manifest import HARNESS
from harness.recording.json_lines import parsed
from harness.telemetry.attribution import Attribution
from harness.telemetry.attribution.twins import surplus, within
from harness.telemetry.readers.arrivals import ArrivalOf
from harness.telemetry.readers.container_configuration import as_object, configuration, fingerprint, masked
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.schema import ARRIVED, BACKGROUND, RECORD, SLICE, Row, complete, one_of, sql_time

_PAIR = re.compile(r'([\w.@-]+)=("(?:[^"\\]|\\.)*"|\S*)')
_CALLING = re.compile(r"^Calling ([A-Z]+) (\S+)")
_ID_IN_URI = re.compile(r"/(?:containers|exec)/([0-9a-f]{64})")
_CREATE_URI = re.compile(r"/containers/create(\?|$)")
_FORM = "form data: "
_CALLS = ("Calling ", "handling ")
_Print = tuple[str, ...]  # a fingerprint
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def parse_logfmt(line: str) -> dict[str, str]:
    """The fields of one log line. Text that is not key=value is skipped."""
    return {name: _unquote(value) for name, value in _PAIR.findall(line)}


def _unquote(value: str) -> str:
    if len(value) < 2 or value[0] != '"':
        return value
    try:
        return str(parsed(value))
    except ValueError:  # Go has escapes that JSON lacks, such as \x1b
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), value[1:-1])


class LogRows:
    """Rows of the debug log. The body of a create is on a line of its own, which names no container."""

    def __init__(self, file: str, attribution: Attribution, inspected: dict[str, dict[str, Any]]) -> None:
        self._file = file
        self._attribution = attribution
        self._inspected = inspected
        self._paired: set[str] = set()
        self._creates: list[tuple[float, _Print]] = []
        self._asked: dict[_Print | None, list[DockerRequest]] = defaultdict(list)
        self._calls: dict[tuple[str, str], list[float]] = defaultdict(list)

    def rows(self, lines: Iterable[bytes], arrival: ArrivalOf) -> Iterator[Row]:
        """One row for each line that has a time."""
        lines = list(lines)
        self._look_through(lines)
        offset, request = 0, ("", "")
        for place, line in enumerate(lines, 1):
            offset += len(line)
            fields = parse_logfmt(line.decode(errors="replace"))
            at = parse_time(fields.get("time", ""))
            if at is None:
                continue
            message = fields.get("msg", "")
            request = _call(message, fields) or request
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

    def _look_through(self, lines: Iterable[bytes]) -> None:
        """Note when each call and each body of a create was logged, and what was requested."""
        for request in self._attribution.docker.requests:
            if request.creates:
                self._asked[self._fingerprint(request)].append(request)
        for line in lines:
            if b"Calling " not in line and b"handling " not in line and b"form" not in line:
                continue
            fields = parse_logfmt(line.decode(errors="replace"))
            at, message = parse_time(fields.get("time", "")), fields.get("msg", "")
            if at is None:
                continue
            if message.startswith(_CALLS) and (call := _call(message, fields)):
                self._calls[call].append(at)
            body = _body(message, fields)
            if body and "Image" in body:
                self._creates.append((at, fingerprint(body, body.get("HostConfig") or {})))

    def _create(self, body: dict[str, Any], at: float) -> Row:
        body_print = fingerprint(body, body.get("HostConfig") or {})
        row = {"Action": "create", "Method": "POST", "Body": masked(body)}
        row |= configuration(body, body.get("HostConfig") or {})
        docker, under_way = self._attribution.docker, _under_way(at)
        same, unlike = self._asked.get(body_print, []), self._asked.get(None, [])
        there = list(filter(under_way, same)) or list(filter(under_way, unlike))
        if not there:
            return row | {SLICE: docker.unknown(at) or BACKGROUND}
        whose = {request.atomic for request in there}
        if self._one_was_not_noted(at, body_print):
            whose.add(docker.unknown(at) or BACKGROUND)
        known = [
            request.container_id
            for request in there
            if request.container_id and request.container_id not in self._paired
        ]
        if len(whose) == 1 and known:  # else several parties made alike requests at that moment
            self._paired.add(known[0])
            row["ContainerId"] = known[0]
        return row | {SLICE: one_of(whose)}

    def _one_was_not_noted(self, at: float, body_print: _Print) -> bool:
        """Whether more alike creates were logged than noted.

        A request with an unknown configuration, such as one that failed, may be any of them.
        """
        same, unknown = ([request.window for request in self._asked.get(key, [])] for key in (body_print, None))
        if any(within(window, at) for window in same):
            alike = [moment for moment, logged in self._creates if logged == body_print]
            if not surplus(at, alike, same):
                return False
        if not any(within(window, at) for window in unknown):
            return True
        return surplus(at, [moment for moment, _ in self._creates], [*same, *unknown])

    def _fingerprint(self, request: DockerRequest) -> _Print | None:
        """The fingerprint of the requested configuration; None where it is unknown."""
        inspect = self._inspected.get(request.container_id) or self._attribution.docker.asked_for(request.container_id)
        return fingerprint(inspect.get("Config") or {}, inspect.get("HostConfig") or {}) if inspect else None

    def _place(self, message: str, fields: dict[str, str], request: tuple[str, str], at: float) -> Row:
        row: Row = {}
        if message.startswith(_CALLS):
            row = {"Method": request[0], "Uri": request[1]}
            if self._attribution.canaries.asks_daemon(*request, at):
                return row | {SLICE: HARNESS}
        container = fields.get("container", "") or "".join(_ID_IN_URI.findall(row.get("Uri", ""))[:1])
        if container and not (row and self._attribution.docker.all_noted):
            return row | {"ContainerId": container, SLICE: self._attribution.of_container(container, at)}
        row |= {"ContainerId": container} if container else {}
        alike = self._calls.get(request, ())
        return row | {SLICE: self._attribution.docker.of_request(*request, at, alike) if row else BACKGROUND}


def _under_way(at: float) -> Callable[[DockerRequest], bool]:
    return lambda request: within(request.window, at)


def _call(message: str, fields: dict[str, str]) -> tuple[str, str] | None:
    """Method and URI of the request on a line; None for none."""
    if match := _CALLING.match(message):
        return match[1], match[2]
    if fields.get("method") and fields.get("request-url"):  # release 27 and later
        return fields["method"], fields["request-url"]
    return None


def _is_create(body: dict[str, Any], uri: str) -> bool:
    """Whether a body belongs to a create. In older releases, another call may stand between a call and its body."""
    return "HostConfig" in body or ("Image" in body and bool(_CREATE_URI.search(uri)))


def _body(message: str, fields: dict[str, str]) -> dict[str, Any] | None:
    if message.startswith(_FORM):
        body = as_object(message.removeprefix(_FORM).encode(errors="replace"))
    elif "form-data" in fields:
        body = as_object(fields["form-data"].encode(errors="replace"))
    else:
        return None
    return body or None


def _without_secrets(message: str, body: dict[str, Any] | None) -> str:
    """A message of the log, with the request body in it masked too."""
    if not message.startswith(_FORM):
        return message
    if body is None:
        return f"{_FORM}(unreadable)"
    without = masked(body)
    return message if without == body else f"{_FORM}{json.dumps(without, ensure_ascii=False)}"


def parse_time(text: str) -> float | None:
    """Seconds since the epoch, from RFC 3339 with up to nine decimals."""
    try:
        return datetime.fromisoformat(text).timestamp() if "T" in text else None
    except (ValueError, OverflowError):
        return None
