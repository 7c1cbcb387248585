"""The slice of a row: an atomic, Livefire itself, or the background.

Processes are attributed by audit session and descent, processes in containers by container id, API calls by user (see
ARCHITECTURE.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from harness.model.manifest import HARNESS, Manifest
from harness.telemetry.attribution.canaries import Canaries
from harness.telemetry.attribution.containers import ContainerProcesses, served_container
from harness.telemetry.attribution.docker_containers import DockerContainers
from harness.telemetry.attribution.docker_requests import DockerRequests
from harness.telemetry.attribution.identities import Identities, read_identities
from harness.telemetry.attribution.moments import UNSET, Moment
from harness.telemetry.attribution.named_containers import NamedContainers
from harness.telemetry.attribution.owners import Owners, Placed
from harness.telemetry.attribution.peers import Peers
from harness.telemetry.attribution.pods import Runners, pods_of_containers
from harness.telemetry.attribution.processes import Process, Processes
from harness.telemetry.attribution.residents import Residents
from harness.telemetry.attribution.sessions import Sessions
from harness.telemetry.readers.audit_log import AuditEvent, number
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.readers.seen_pods import SeenPod
from harness.telemetry.schema import BACKGROUND

# The runtime of the lab's daemon, the runtime of Podman in an atomic's home, and the script that both start. In older
# recordings the script lies in `lab/`.
_OWN_SHIM = re.compile(r"/docker/runc-bounded$|/\.config/containers/runtime$|/lab/(docker/)?oci_shim\.py$")
# The kernel's records are timed by its coarse clock (CONFIG_HZ down to 100), in seconds.
_COARSE = 0.02


@dataclass
class Attribution:
    """Attributes the rows of one recording. Calls must come in the order of the log, since it remembers processes.

    `docker` attributes what the daemon recorded.
    """

    manifest: Manifest
    requests: list[DockerRequest]
    processes: Processes = field(default_factory=Processes)
    daemon_events: Iterable[bytes] = ()
    kube_audit: Iterable[bytes] = ()
    pods: Sequence[SeenPod] = ()
    residents: Residents | None = None
    sessions: Sessions | None = None
    _users: dict[str, str] = field(init=False)
    _named: NamedContainers = field(init=False)
    _residents: Residents = field(init=False)
    _sessions: Sessions = field(init=False)
    _placed: dict[Process, Placed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sessions = self.sessions or Sessions(self.manifest)
        self._users = dict.fromkeys(self.manifest.harness_users, HARNESS)
        self._users |= {d.user: d.atomic for d in self.manifest.detonations if d.user}
        self.canaries = Canaries(self.manifest)
        attacks = {d.atomic: d.attack.command for d in self.manifest.detonations if d.attack}
        self._named = NamedContainers(attacks)
        self._residents = self.residents or Residents(self.manifest)
        peers = Peers(self.manifest, self._sessions, self._residents)
        identities = Identities(self._users, peers.running, self.canaries.asks_api, Runners.of(self.pods))
        self.callers = read_identities(identities, self.kube_audit)
        lab = self.manifest.lab
        all_gated = lab.docker is None or lab.own_docker
        unsettled = DockerRequests(self.requests, peers.past_gateways)  # for requests that no gateway noted
        known = dict.fromkeys(self.manifest.harness_containers, HARNESS) | identities.of_containers(self.pods)
        daemon = DockerContainers(unsettled.unknown, self.daemon_events)
        self._owners = Owners(daemon, identities, pods_of_containers(self.pods), known)
        self.requests = peers.settle(self.requests, self._owners)
        self.docker = DockerRequests(self.requests, peers.past_gateways, all_gated)
        self._in_containers = ContainerProcesses(self.docker, self._owners)

    def of_container(self, container_id: str, at: float | None = None) -> str:
        """The slice of a container at a moment (seconds, epoch): the party that made it, or that last started it."""
        return self._owners.of(container_id, at)

    def of_change(self, event: AuditEvent) -> str:
        """The slice of a change to the audit system, by the session or the descent of the process that made it.

        The record holds the session (kernel/audit.c, audit_log_config_change), a SYSCALL record the process.
        """
        whose = self._sessions.of.get(number(event.records[0].fields.get("ses")) or UNSET)
        if whose or event.first("SYSCALL") is None:
            return whose or BACKGROUND
        moment = Moment.of(event)
        own = HARNESS if self.manifest.harness_pid in (moment.pid, moment.parent) else BACKGROUND
        return self._sessions.of.get(moment.session) or self._of_descent(self.processes.at(moment)) or own

    def place(self, moment: Moment, process: Process, arguments: list[str]) -> Placed:
        """Where an execution belongs. Calls must come in the order of the log."""
        placed = self._place(moment, process, arguments)
        if placed.slice == BACKGROUND and (slice_ := self._residents.asked_of(process, moment.time / 1000)):
            placed = replace(placed, slice=slice_)
        self._placed[process] = placed
        process.contained = process.contained or placed.in_container
        if not placed.container_id and placed.slice not in (BACKGROUND, HARNESS):
            self._named.note(placed.slice, arguments)
        own = self._is_own_shim(process, placed, arguments)
        return replace(placed, slice=HARNESS, own_shim=True) if own else placed

    def _place(self, moment: Moment, process: Process, arguments: list[str]) -> Placed:
        if self.canaries.executed(moment, arguments):
            return Placed(HARNESS)
        if whose := self._sessions.of.get(moment.session) or self._shell(moment, process):
            return Placed(whose)
        over = self.processes.over(process, moment)
        above, before = self._place_of(over), self._placed.get(process)
        by = over.image() if over else None
        if by and by.name == "dockerd" and (step := self._in_containers.step(arguments, moment.time / 1000)):
            return step
        if over is None and served_container(arguments) and "exec" in arguments:
            over = self.processes.presume(moment)  # its shim is older than the log
        served, shim = self._in_containers.serve(arguments, before, above, moment.time / 1000 + _COARSE)
        if shim and over:
            self._placed[over] = shim
        if served:
            return served
        named, owner = self._named.of_shim(arguments)
        if named:
            return Placed(owner, named, shim=True)
        if above and above.container_id:
            return self._in_containers.below(above, arguments, before)
        return Placed(
            self._of_descent(process) or (HARNESS if moment.parent == self.manifest.harness_pid else BACKGROUND)
        )

    def _is_own_shim(self, process: Process, placed: Placed, arguments: list[str]) -> bool:
        """Whether it is Livefire's own runtime in front of runc (oci_shim.py and its script), which no real host has.

        Only containerd-shim, Podman and conmon start it. An attack that starts it itself hides nothing.
        """
        if placed.in_container or not any(_OWN_SHIM.search(argument) for argument in arguments[:5]):
            return False
        by = process.image()
        forked = by is None and not self.processes.tells_births  # conmon leaves its parent
        below_podman = forked or (by is not None and by.name in ("podman", "conmon"))
        return below_podman or bool(self.manifest.lab.runtime_shim and placed.container_id)

    def _shell(self, moment: Moment, process: Process) -> str:
        """The slice of a shell that Livefire started; empty for any other process.

        Until it leaves Livefire's session it is the launcher. After that it is the attack's, whatever its session.
        """
        shell = self._sessions.shell(process.pid, moment.time / 1000)
        if shell is None or moment.parent != self.manifest.harness_pid:
            return ""
        execution, whose = shell
        launches = execution.session is not None and not self._placed.get(process)
        return HARNESS if launches else whose

    def _place_of(self, process: Process | None) -> Placed | None:
        """The place of a process. A fork that executed nothing has that of its nearest ancestor."""
        line = process.line_of_descent() if process else ()
        return next((place for ancestor in line if (place := self._placed.get(ancestor))), None)

    def _of_descent(self, process: Process) -> str:
        """The slice of the shell that a process descends from; empty for none."""
        placed = self._place_of(process)
        return placed.slice if placed and placed.slice != BACKGROUND else ""
