"""The requests that the gateways noted, and those in the Docker daemon's debug log.

dockerd logs each request that it routes as `Calling METHOD URI`, before it acts on it. Release 27 and later have both
as fields of a line `handling METHOD request` (moby, api/server/middleware/debug.go).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.judge.health.disagreement import Disagreement, lacks, matched, place_in
from harness.recording import layout
from harness.telemetry.readers.gateway_requests import DockerRequest, Window
from harness.telemetry.rows.daemon_log_rows import parse_time

_TIME = re.compile(rb'\btime="([^"]+)"')
_CALLING = re.compile(rb'\bmsg="Calling ([A-Z]+) ([^\s"]+)')
_HANDLING = b'msg="handling '
_METHOD, _URL = re.compile(rb'\bmethod="?([A-Z]+)'), re.compile(rb'\brequest-url="?([^\s"]+)')
# Go's escapes in quotes (strconv.Quote). The log has them and the request has not, so both are compared without them.
_ESCAPED = re.compile(rb"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)")
_ODD = re.compile(r'[^!-~]|["\\]')
# Livefire's own requests to the daemon, past the gateways (sensors/docker/docker_sensor.py, lab/docker/docker_host.py).
_OWN_LOOK = re.compile(r"^/(?:_ping|version|info|events|containers/[^/]+/json)$")
# Requests that can't be read or routed are answered but not logged: by Go's server (400 and others) or by the router
# (301, 404, 405). A gateway notes 0 where no answer came, since the daemon may have been dead or stopped.
_UNROUTED = frozenset({0, 301, 400, 404, 405, 408, 413, 417, 431, 501, 505})
# Requests that each release routes: there, 404 says that no such container, network, volume or exec exists.
_ROUTED = re.compile(
    r"^(?:POST /containers/(?:create|[^/]+/(?:attach|exec|kill|pause|restart|start|stop|unpause|wait))"
    r"|POST /exec/[^/]+/start|(?:GET|HEAD|PUT) /containers/[^/]+/archive"
    r"|GET /containers/[^/]+/(?:export|json|logs|top)|DELETE /(?:containers|networks|volumes)/[^/]+)$"
)
# Shorter JSON bodies are logged (same source), as `form data: {…}` or as a field of the call's line.
_LOGGED = 4096
_BODY = re.compile(rb'form[ -]data.*\\"(?:HostConfig|Image)\\"')
_ROOM = 1000  # bytes for what a body may have beyond the inspect of its container, such as blanks
_WHOLE_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_LONGEST = 100
_BYTE_BY_BYTE = "latin-1"  # the encoding of paths in the gateways' notes

Call = tuple[str, str]  # method and URI


def read_calls(lines: Iterable[bytes]) -> dict[Call, list[float]]:
    """The times at which each call was logged; seconds, epoch."""
    calls: dict[Call, list[float]] = defaultdict(list)
    for line in lines:
        if b"Calling " not in line and _HANDLING not in line:
            continue
        plain = _ESCAPED.sub(b"", line)
        call, at = _call(plain), _moment(plain)
        if call and at is not None:
            calls[call].append(at)
    return calls


def not_logged(requests: Iterable[DockerRequest], calls: Mapping[Call, list[float]]) -> Iterator[Disagreement]:
    """Requests that are not in the log."""
    for call, windows in _windows(filter(_is_routed, requests)).items():
        for sent, _ in matched(windows, calls.get(call, ()))[0]:
            yield lacks(layout.DAEMON_LOG, f"the line of {_shown(call)}", layout.DAEMON_REQUESTS, sent)


def bodies_not_logged(
    requests: Iterable[DockerRequest], lines: Iterable[bytes], inspected: Mapping[str, dict[str, Any]]
) -> Iterator[Disagreement]:
    """Requests for new containers that were logged without their body, although it is short enough."""
    logged = [at for line in lines if _BODY.search(line) and (at := _moment(line)) is not None]
    short = [request.window for request in requests if _has_short_body(request, inspected.get(request.container_id))]
    for sent, _ in matched(short, logged)[0]:
        yield lacks(layout.DAEMON_LOG, "the body of a request for a container", layout.DAEMON_REQUESTS, sent)


def _has_short_body(request: DockerRequest, inspect: dict[str, Any] | None) -> bool:
    """Whether a request for a new container has a body that is short enough to be logged.

    Older recordings have no length. There, the inspect is an upper bound, since it has all requested values and more
    keys. But the values of environment variables are unknown.
    """
    if not request.container_id:
        return False
    if request.body_bytes is not None:
        return request.body_bytes < _LOGGED
    config = inspect.get("Config") if inspect else None
    if inspect is None or not isinstance(config, dict):
        return False
    variables = config.get("Env") or []
    if not isinstance(variables, list) or len(variables) > 1:
        return False
    return len(json.dumps([config, inspect.get("HostConfig")], separators=(",", ":"))) < _LOGGED - _ROOM


def not_noted(requests: Iterable[DockerRequest], calls: Mapping[Call, list[float]]) -> Iterator[Disagreement]:
    """Calls in the log that no gateway noted."""
    noted = _windows(requests)
    for call, moments in calls.items():
        if call[0] == "GET" and _OWN_LOOK.match(place_in(call[1])):
            continue
        for at in matched(noted.get(call, ()), moments)[1]:
            yield lacks(layout.DAEMON_REQUESTS, _shown(call), layout.DAEMON_LOG, at)


def _is_routed(request: DockerRequest) -> bool:
    """Whether a request surely reached the code that logs. Go's server itself answers `OPTIONS *`."""
    known = request.status == 404 and _ROUTED.match(f"{request.method} {place_in(request.path)}")
    return bool(known) or (request.status not in _UNROUTED and request.path != "*")


def _windows(requests: Iterable[DockerRequest]) -> dict[Call, list[Window]]:
    windows: dict[Call, list[Window]] = defaultdict(list)
    for request in requests:
        windows[request.method, _comparable(request.path)].append(request.window)
    return windows


def _call(line: bytes) -> Call | None:
    """The request on a line; None for none."""
    if calling := _CALLING.search(line):
        method, uri = calling[1], calling[2]
    elif _HANDLING in line and (named := _METHOD.search(line)) and (at := _URL.search(line)):
        method, uri = named[1], at[1]
    else:
        return None
    return method.decode(), _comparable(uri.decode(_BYTE_BY_BYTE))


def _moment(line: bytes) -> float | None:
    match = _TIME.search(line)
    return parse_time(match[1].decode(errors="replace")) if match else None


def _comparable(uri: str) -> str:
    return _ODD.sub("", uri)


def _shown(call: Call) -> str:
    text = _WHOLE_ID.sub(lambda match: match[0][:12], " ".join(call))  # as Docker shows an id
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
