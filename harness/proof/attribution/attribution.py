"""Whose doing a row is: one atomic's, the harness's own, or the background's.

Processes by audit session, containers' processes by container id, API calls by user (see ARCHITECTURE.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.model.manifest import HARNESS, Execution, Manifest
from harness.proof.attribution.docker_requests import DockerRequest, DockerRequests
from harness.proof.attribution.named_containers import NamedContainers
from harness.proof.tables.audit_log import AuditEvent, number
from harness.proof.tables.schema import BACKGROUND

_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_RUNTIMES = ("containerd-shim", "runc", "crun")


@dataclass(frozen=True)
class Placed:
    """Where an exec belongs. `in_container` tells a container's own process from the runtime that serves it.

    `shim` is containerd-shim; `enters` is a runc that puts a further process into a container.
    """

    slice: str
    container_id: str = ""
    in_container: bool = False
    shim: bool = False
    enters: bool = False


@dataclass
class Attribution:
    """Answers for one recording. Feed execs in the order of the log: `place_exec` remembers the process tree.

    `pods` maps the ids of containers in pods to the Kubernetes users who created these; `docker` answers for what the
    daemon recorded.
    """

    manifest: Manifest
    requests: list[DockerRequest]
    pods: dict[str, str] = field(default_factory=dict)
    _containers: dict[str, str] = field(init=False)
    _sessions: dict[int, str] = field(init=False)
    _users: dict[str, str] = field(init=False)
    _tokens: frozenset[str] = field(init=False)
    _named: NamedContainers = field(init=False)
    _of_pid: dict[int, Placed] = field(default_factory=dict)
    _tree: dict[int, str] = field(default_factory=dict)
    _entering: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.docker = DockerRequests(self.requests)
        self._containers = dict(self.docker.containers)
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
            if "exec" in arguments:
                return self._enter(arguments, served, self._of_pid.get(pid))
            return Placed(self.of_container(served), served, shim="containerd-shim" in arguments[0])
        named, owner = self._named.of_shim(arguments)
        if named:
            return Placed(owner, named, shim=True)
        above = self._of_pid.get(parent)
        if above and above.container_id:
            if above.container_id in arguments and _is_runtime(arguments):
                return Placed(above.slice, above.container_id)
            return self._below(above, arguments, self._of_pid.get(pid))
        if self.manifest.attribution == "process-tree" and (root := self._in_tree(time, pid, parent)):
            return Placed(root)
        return Placed(HARNESS if parent == self.manifest.harness_pid else BACKGROUND)

    def _below(self, above: Placed, arguments: list[str], before: Placed | None) -> Placed:
        """What a process of a container, its shim or its runc starts. `before` is what the process itself was."""
        container = above.container_id
        if before and before.in_container and before.container_id == container:
            return before  # it executes another program
        if above.in_container or not (above.shim or above.enters) or arguments[:2] == ["runc", "init"]:
            return Placed(above.slice, container, in_container=above.in_container)
        # runc hands a process to the shim before that execs, or after: so its parent may be either
        entering = self._entering.get(container, [])
        whose = above.slice if above.enters or not entering else entering[0]
        if above.shim and len(set(entering)) > 1:
            whose = BACKGROUND  # several parties execute in one container at this moment: no credit by guess
        if whose in entering:
            entering.remove(whose)
        return Placed(whose, container, in_container=True)

    def _enter(self, arguments: list[str], container_id: str, before: Placed | None) -> Placed:
        """A `runc exec`: dockerd's id of it is in the name of its pid file. In a pod it isn't known who asked."""
        if before and before.enters and before.container_id == container_id:
            return before  # a shim of the runtime executes the runtime
        ids = [match[0] for argument in arguments for match in _CONTAINER_ID.finditer(argument)]
        whose = next((found for each in ids if (found := self.docker.of_exec(each)) != BACKGROUND), BACKGROUND)
        if container_id in self.pods:
            whose = self.of_container(container_id)
        self._entering.setdefault(container_id, []).append(whose)
        return Placed(whose, container_id, enters=True)

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
