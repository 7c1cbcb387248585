"""Whose doing a row is: one atomic's, the harness's own, or the background's.

Processes by audit session, containers' processes by container id, API calls by user (see ARCHITECTURE.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from harness.model.manifest import Execution, Manifest
from harness.proof.named_containers import NamedContainers
from harness.proof.tables.audit_log import AuditEvent, number
from harness.proof.tables.schema import BACKGROUND, HARNESS

_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_RUNTIMES = ("containerd-shim", "runc", "crun")
_CREATE = re.compile(r"/containers/create(\?|$)")
# dockerd writes its log with the clock of this host; what it logs on a request lies between these two moments.
_SLACK = 0.005


@dataclass(frozen=True)
class DockerRequest:
    """One request that an atomic sent to the daemon (`raw/docker-requests.jsonl`); times in seconds, epoch."""

    atomic: str
    sent: float
    answered: float
    method: str
    path: str
    status: int
    container_id: str
    image: str = ""


def read_requests(lines: Iterable[str]) -> list[DockerRequest]:
    """The requests of a recording; lines that are none are passed over."""
    found = []
    for line in lines:
        try:
            item = json.loads(line)
            found.append(
                DockerRequest(
                    atomic=str(item["atomic"]),
                    sent=float(item["sent"]),
                    answered=float(item["answered"]),
                    method=str(item["method"]),
                    path=str(item["path"]),
                    status=int(item["status"]),
                    container_id=str(item.get("container_id") or ""),
                    image=str(item.get("image") or ""),
                )
            )
        except (ValueError, KeyError, TypeError):
            continue
    return found


@dataclass(frozen=True)
class Pods:
    """Which atomic a pod's containers belong to: that of the last request before the pod was seen that created it.

    A pod that a controller made, for a Deployment or a Job, is the controller's doing and stays background.
    """

    creations: list[tuple[float, tuple[str, str], str]] = field(default_factory=list)

    def owners(self, lines: Iterable[str]) -> dict[str, str]:
        """Container ids and their users, from `raw/kube-pods.jsonl`."""
        found: dict[str, str] = {}
        for line in lines:
            try:
                item = json.loads(line)
                at, name = float(item["time"]), (str(item["namespace"]), str(item["name"]))
                ids = [str(each) for each in item["container_ids"]]
            except (ValueError, KeyError, TypeError):
                continue
            users = [user for created, pod, user in self.creations if pod == name and created <= at]
            if users:
                found |= dict.fromkeys(ids, users[-1])
        return found


def read_pod_creations(events: Iterable[bytes]) -> Pods:
    """The successful creations of pods in an API audit log (audit.k8s.io/v1), in its order."""
    found = []
    for line in events:
        if b'"create"' not in line or b'"pods"' not in line:
            continue
        try:
            event = json.loads(line)
            ref, at = event["objectRef"], datetime.fromisoformat(event["requestReceivedTimestamp"])
            if ref["resource"] == "pods" and not ref.get("subresource") and event["responseStatus"]["code"] < 300:
                found.append(
                    (at.timestamp(), (str(ref["namespace"]), str(ref["name"])), str(event["user"]["username"]))
                )
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return Pods(found)


@dataclass(frozen=True)
class Placed:
    """Where an exec belongs. `in_container` tells a container's own process from the runtime that serves it.

    `enters` is a runtime that executes something in a container: a child of it that is no runtime is that something.
    """

    slice: str
    container_id: str = ""
    in_container: bool = False
    shim: bool = False
    enters: bool = False


@dataclass
class Attribution:
    """Answers for one recording. Feed execs in the order of the log: `place_exec` remembers the process tree.

    `pods` maps the ids of containers in pods to the Kubernetes users who created these.
    """

    manifest: Manifest
    requests: list[DockerRequest]
    pods: dict[str, str] = field(default_factory=dict)
    _containers: dict[str, str] = field(init=False)
    _sessions: dict[int, str] = field(init=False)
    _users: dict[str, str] = field(init=False)
    _tokens: frozenset[str] = field(init=False)
    _named: NamedContainers = field(init=False)
    _told: set[tuple[object, ...]] = field(default_factory=set)
    _of_pid: dict[int, Placed] = field(default_factory=dict)
    _tree: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._containers = {r.container_id: r.atomic for r in self.requests if r.container_id}
        self._sessions, self._users = {}, dict.fromkeys(self.manifest.harness_users, HARNESS)
        for detonation in self.manifest.detonations:
            if detonation.user:
                self._users[detonation.user] = detonation.atomic
            if detonation.attack and detonation.attack.session is not None:
                self._sessions[detonation.attack.session] = detonation.atomic
            self._sessions |= {e.session: HARNESS for e in detonation.others if e.session is not None}
        attacks = {d.atomic: d.attack.command for d in self.manifest.detonations if d.attack}
        self._named = NamedContainers(attacks)
        self._containers |= {id_: self.of_user(user) for id_, user in self.pods.items()}
        self._tokens = frozenset(mark.token for sensor in self.manifest.sensors for mark in sensor.marks)

    def of_container(self, container_id: str) -> str:
        """The slice of a container."""
        return self._containers.get(container_id, BACKGROUND)

    def of_user(self, user: str) -> str:
        """The slice of a Kubernetes user."""
        return self._users.get(user, BACKGROUND)

    def is_canary(self, text: str) -> bool:
        """Whether one of our canary tokens stands in a text."""
        return "livefire-canary-" in text and any(token in text for token in self._tokens)

    def place_exec(self, event: AuditEvent, arguments: list[str]) -> Placed:
        """Where an exec belongs. Calls must come in the order of the log."""
        record = event.first("SYSCALL")
        fields = record.fields if record else {}
        pid, parent = _number(fields.get("pid")), _number(fields.get("ppid"))
        placed = self._place(event.time, arguments, fields, pid, parent)
        self._of_pid[pid] = placed
        if not placed.container_id and placed.slice not in (BACKGROUND, HARNESS):
            self._named.note(placed.slice, arguments)
        return placed

    def _place(self, time: int, arguments: list[str], fields: dict[str, str], pid: int, parent: int) -> Placed:
        session = _number(fields.get("ses"))
        if session in self._sessions:
            return Placed(self._sessions[session])
        if self.is_canary(" ".join(arguments)):
            return Placed(HARNESS)
        served = _served_container(arguments)
        if served:
            self._learn_sandbox(parent, served)
            shim = "containerd-shim" in arguments[0]
            return Placed(self.of_container(served), served, shim=shim, enters="exec" in arguments)
        named, owner = self._named.of_shim(arguments)
        if named:
            return Placed(owner, named, shim=True)
        above = self._of_pid.get(parent)
        if above and above.container_id:
            if above.container_id in arguments and _is_runtime(arguments):
                return Placed(above.slice, above.container_id, enters="exec" in arguments)
            # runc hands the container's first process to the shim before that execs; what runc itself starts is runtime
            inside = above.in_container or above.shim or (above.enters and not _is_runtime(arguments))
            return Placed(above.slice, above.container_id, in_container=inside)
        if self.manifest.attribution == "process-tree" and (root := self._in_tree(time, pid, parent)):
            return Placed(root)
        return Placed(HARNESS if parent == self.manifest.harness_pid else BACKGROUND)

    def _learn_sandbox(self, parent: int, container_id: str) -> None:
        """One shim serves all containers of a pod; its own id is the sandbox's, which the API server doesn't tell."""
        shim, owner = self._of_pid.get(parent), self._containers.get(container_id)
        if owner and shim and shim.shim and shim.container_id not in self._containers:
            self._containers[shim.container_id] = owner
            self._of_pid[parent] = Placed(owner, shim.container_id, shim=True)

    def _in_tree(self, time: int, pid: int, parent: int) -> str:
        """The fallback without audit sessions: descent from the shells that Livefire started, while they ran."""
        for detonation in self.manifest.detonations:
            if detonation.attack and _is_at(detonation.attack, pid, time):
                self._tree[pid] = detonation.atomic
            elif any(_is_at(each, pid, time) for each in detonation.others):
                self._tree[pid] = HARNESS
        if pid not in self._tree and parent in self._tree:
            self._tree[pid] = self._tree[parent]
        return self._tree.get(pid, "")

    def of_request(self, method: str, uri: str, at: float) -> str:
        """The slice of a request in the daemon's log: that of the atomic's request which it can only be."""
        matches = {
            request.atomic
            for request in self.requests
            if (request.method, request.path) == (method, uri) and _within(request, at)
        }
        return matches.pop() if len(matches) == 1 else BACKGROUND

    def of_image(self, image: str, event: tuple[str, ...], at: float) -> str:
        """The slice of an event of an image: that of the request which made it and was under way, once for each."""
        for place, request in enumerate(self.requests):
            told = (place, *event)
            if request.image and request.image == image and _within(request, at) and told not in self._told:
                self._told.add(told)
                return request.atomic
        return BACKGROUND

    def creates_at(self, at: float) -> list[DockerRequest]:
        """The atomics' successful creations that were under way at a moment."""
        return [r for r in self.requests if r.container_id and _CREATE.search(r.path) and _within(r, at)]


def _within(request: DockerRequest, at: float) -> bool:
    return request.sent - _SLACK <= at <= request.answered + _SLACK


def _is_at(execution: Execution, pid: int, time: int) -> bool:
    started, finished = execution.started.timestamp() * 1000, execution.finished.timestamp() * 1000
    return execution.pid == pid and started - 50 <= time <= finished + 50


def _served_container(arguments: list[str]) -> str:
    """The container that a runtime's process serves: its id stands in the command line of containerd-shim and runc."""
    if not _is_runtime(arguments):
        return ""
    found = [match[0] for argument in arguments for match in _CONTAINER_ID.finditer(argument)]
    return found[-1] if found else ""


def _is_runtime(arguments: list[str]) -> bool:
    """Among the first words, since an interpreter may stand before it, as in that of the OCI runtime shim."""
    return any(argument.rpartition("/")[2].startswith(_RUNTIMES) for argument in arguments[:6])


def _number(text: str | None) -> int:
    found = number(text)
    return -1 if found is None else found
