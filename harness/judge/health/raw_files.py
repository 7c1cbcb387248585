"""The raw files of a recording: the lines of canaries, and the damaged lines, for the health of sensors."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.model.manifest import Manifest, Mark, SensorRecord
from harness.recording import canary_names, layout
from harness.recording.json_lines import parsed, seconds
from harness.telemetry.readers.alive_processes import read_alive
from harness.telemetry.readers.audit_log import damaged_lines
from harness.telemetry.readers.gateway_requests import DockerRequest, read_request, read_requests
from harness.telemetry.readers.line_shapes import ARRIVAL, DAEMON_EVENT, KUBE_EVENT, has_shape

_PREFIX = canary_names.TOKEN_PREFIX.encode()
_CANARY = re.compile(re.escape(_PREFIX) + rb"[0-9a-f]+")
# Files that belong to a sensor even if its record doesn't name them, since attribution needs them.
_FURTHER = {"docker_daemon": [layout.DAEMON_REQUESTS], "kube_audit": [layout.KUBE_PODS], "auditd": [layout.ALIVE]}
_ID = re.compile("[0-9a-f]{64}")
# A line of the Docker daemon's log: logrus' text format, or that of Go's own packages, which a trace may follow.
_VALUE = rb'(?:"(?:[^"\\]|\\.)*"|[^\s"]*)'
_LOGGED = re.compile(rb'time="[^"]+" level=[a-z]+ msg=' + _VALUE + rb'(?: [^\s="]+=' + _VALUE + rb")*")
_OF_GO = re.compile(rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ")
_SHOWN = 3  # damaged lines


@dataclass(frozen=True)
class RawFile:
    """One file. `tokens` maps each canary to its first line, counted from 1; `damaged` are line numbers.

    `missing` says that the file is missing, empty or incomplete, and must not be.
    """

    name: str
    tokens: dict[str, int] = field(default_factory=dict)
    damaged: list[int] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The line of its last canary."""
        return max(self.tokens.values(), default=0)

    def line_of(self, mark: Mark | None, otherwise: int) -> int:
        """The line of a mark's canary; `otherwise` where there is none."""
        return self.tokens.get(mark.token, otherwise) if mark else otherwise

    def damage(self, first: int = 1, last: int = sys.maxsize) -> list[str]:
        """The damage that counts between two lines.

        A full disk cuts a line of the audit log, which affects only that place. Damage outside all canaries, and damage
        to any other file, counts everywhere: someone changed the file, so nothing in it can be trusted.
        """
        begin = min(self.tokens.values(), default=self.end)
        torn = self.name == layout.AUDIT_LOG
        lines = [n for n in self.damaged if not torn or first <= n <= last or not begin <= n <= self.end]
        return [f"line {line} of {self.name} is damaged" for line in lines[:_SHOWN]]


def files_of(root: layout.Root, manifest: Manifest, sensor: SensorRecord) -> list[RawFile]:
    """All files that belong to a sensor."""
    further = [name for name in _FURTHER[sensor.name] if name not in sensor.files]
    files = [_file(root, manifest, name) for name in [*sensor.files, *further]]
    # files without canaries are checked by their number of lines
    alive, pods = sensor.before.readings.get("alive"), sensor.after.readings.get("pods")
    for name, count in ((layout.ALIVE, alive), (layout.KUBE_PODS, pods)):
        if count is not None and name in further and layout.read(root, name).count(b"\n") != count:
            files.append(RawFile(name, missing=[f"{name} is missing or incomplete"]))
    if sensor.name == "auditd" and "alive" in manifest.recorded and not alive:
        files.append(RawFile(layout.ALIVE, missing=[f"the number of lines of {layout.ALIVE} was not noted"]))
    return [*files, _arrivals(root)]


def _file(root: layout.Root, manifest: Manifest, name: str) -> RawFile:
    raw = layout.read(root, name)
    tokens: dict[str, int] = {}
    lines = raw.split(b"\n")
    for number, line in enumerate(lines, 1):
        if _PREFIX in line:
            for token in _CANARY.findall(line):
                tokens.setdefault(token.decode(), number)
    missing = [f"{name} is missing or empty"] if not raw and _must_be_there(name, manifest) else []
    return RawFile(name, tokens, _damaged(name, lines, manifest), missing)


def _must_be_there(name: str, manifest: Manifest) -> bool:
    """Whether a file without canaries must be there. A missing file with canaries shows by its canaries."""
    attacked = any(d.attack for d in manifest.detonations)
    return attacked and (name == layout.DAEMON_REQUESTS or (name == layout.KUBE_PODS and manifest.lab.nodes_here))


def _arrivals(root: layout.Root) -> RawFile:
    """The arrivals. No verdict rests on them, but damage there shows that copying was disturbed."""
    lines = layout.read(root, layout.ARRIVALS).split(b"\n")
    return RawFile(layout.ARRIVALS, damaged=_not_whole(lines, _is_arrival))


def _damaged(name: str, lines: list[bytes], manifest: Manifest) -> list[int]:
    if name == layout.AUDIT_LOG:
        # not str.splitlines: it would cut ENRICHED records at their group separator (0x1d)
        return damaged_lines(line.decode(errors="replace") for line in lines)
    if name == layout.DAEMON_LOG:
        return _damaged_log(lines)
    if not name.endswith(".jsonl"):
        return []
    with_peer = name == layout.DAEMON_REQUESTS and "peers" in manifest.recorded
    return _not_whole(lines, _has_peer if with_peer else _WHOLE.get(name, _is_object))


def _damaged_log(lines: list[bytes]) -> list[int]:
    """The damaged lines of the Docker daemon's log. Its last line may be cut off, since the daemon was writing it."""
    damaged, traced = [], False
    for number, line in enumerate(lines[:-1], 1):
        if _LOGGED.fullmatch(line):
            traced = False
        elif _OF_GO.match(line):
            traced = True
        elif line.strip() and not traced:
            damaged.append(number)
    return damaged


def _not_whole(lines: list[bytes], is_whole: Callable[[bytes], bool]) -> list[int]:
    return [number for number, line in enumerate(lines, 1) if line.strip() and not is_whole(line)]


def _is_object(line: bytes) -> bool:
    return has_shape(line, {})


def _request(line: bytes) -> DockerRequest | None:
    return read_request(line.decode(errors="replace"))


def _has_peer(line: bytes) -> bool:
    request = _request(line)
    return request is not None and request.peer is not None


def _is_resident(line: bytes) -> bool:
    return bool(read_alive([line.decode(errors="replace")]))


def _is_arrival(line: bytes) -> bool:
    return has_shape(line, ARRIVAL)


def _is_pod(line: bytes) -> bool:
    """Whether a line has a pod as `pod_watch.py` writes it."""
    try:
        pod = parsed(line)
        named = all(isinstance(pod[name], str) and pod[name] for name in ("namespace", "name", "uid"))
        ids = pod["container_ids"]
        known = isinstance(ids, list) and all(isinstance(id_, str) and _ID.fullmatch(id_) for id_ in ids)
        return named and known and bool(seconds(pod["time"]))
    except (ValueError, KeyError, TypeError):
        return False


def untold_containers(root: layout.Root) -> frozenset[str]:
    """The new containers with unknown configuration: without an inspect, and without one in their request."""
    requests = read_requests(layout.read(root, layout.DAEMON_REQUESTS).decode(errors="replace").split("\n"))
    known = {request.container_id for request in requests if request.config is not None}
    created = set()
    for line in layout.read(root, layout.DAEMON_EVENTS).split(b"\n"):
        if b'"inspect": null' not in line or b'"create"' not in line:
            continue
        try:
            event = parsed(line)["event"]
            if event["Type"] == "container" and event["Action"] == "create":
                created.add(str(event["Actor"]["ID"]))
        except (ValueError, KeyError, TypeError):
            continue
    return frozenset(created - known)


_WHOLE: dict[str, Callable[[bytes], bool]] = {
    layout.DAEMON_REQUESTS: lambda line: _request(line) is not None,
    layout.DAEMON_EVENTS: lambda line: has_shape(line, DAEMON_EVENT),
    layout.KUBE_AUDIT: lambda line: has_shape(line, KUBE_EVENT),
    layout.KUBE_PODS: _is_pod,
    layout.ALIVE: _is_resident,
}
