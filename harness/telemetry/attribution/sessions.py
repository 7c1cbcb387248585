"""The slices of audit sessions: those of Livefire's shells, and those that their processes change to.

The kernel gives each number to one session only, so a slice holds for the whole log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from harness.model.manifest import HARNESS, Execution, Manifest
from harness.telemetry.attribution.moments import Login, Moment, birth_of, login_of
from harness.telemetry.attribution.processes import Process, Processes, read_processes
from harness.telemetry.readers.audit_log import AuditEvent

# Livefire times a shell with another clock than the kernel's coarse one; 0.1 ms for floats.
_SLACK = 0.0501


@dataclass
class Sessions:
    """The sessions of one recording; `of` are slices by session. Shells are known at once, others are followed."""

    manifest: Manifest
    of: dict[int, str] = field(default_factory=dict)
    _shells: dict[int, list[tuple[Execution, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for execution, whose in self._executions():
            self._shells.setdefault(execution.pid, []).append((execution, whose))
            if execution.session is not None:
                self.of[execution.session] = whose

    def shell(self, pid: int, at: float) -> tuple[Execution, str] | None:
        """Livefire's shell with this pid at a moment (seconds, epoch), and its slice; None for any other pid."""
        return next((shell for shell in self._shells.get(pid, ()) if _ran(shell[0], at)), None)

    def follow(self, events: Sequence[AuditEvent], processes: Processes) -> None:
        """Learn the slices of the other sessions from a log. `processes` are those of the log, still unused."""
        logins = {place: login for place, event in enumerate(events) if (login := login_of(event))}
        new = {place for place, login in logins.items() if login.session not in self.of}
        placed: dict[Process, str] = {}
        remaining = enumerate(events)
        while new:  # after the last of them there is nothing to learn
            place, event = next(remaining)
            new.discard(place)
            if event.is_exec:
                moment = Moment.of(event)
                self._note(placed, processes.executes(moment), moment)
            elif birth := birth_of(event):
                processes.bear(birth)
            elif place in logins:
                self._login(logins[place], processes, placed)

    def _executions(self) -> Iterator[tuple[Execution, str]]:
        for detonation in self.manifest.detonations:
            if detonation.attack:
                yield detonation.attack, detonation.atomic
            yield from ((execution, HARNESS) for execution in detonation.others)

    def _note(self, placed: dict[Process, str], process: Process, moment: Moment) -> None:
        shell = self.shell(process.pid, moment.time / 1000) if moment.parent == self.manifest.harness_pid else None
        if whose := self.of.get(moment.session) or (shell[1] if shell else ""):
            placed[process] = whose

    def _login(self, login: Login, processes: Processes, placed: dict[Process, str]) -> None:
        """The new session has the slice of the old one, or of the shell that the process descends from."""
        process = processes.at(login.by)
        self._note(placed, process, login.by)
        if whose := next((placed[ancestor] for ancestor in process.line_of_descent() if ancestor in placed), None):
            self.of.setdefault(login.session, whose)


def read_sessions(manifest: Manifest, events: Sequence[AuditEvent], known: Iterable[Process] = ()) -> Sessions:
    """The sessions of a recording. `known` are the processes that are older than its log."""
    sessions = Sessions(manifest)
    sessions.follow(events, read_processes(events, list(known)))
    return sessions


def _ran(execution: Execution, at: float) -> bool:
    return execution.started.timestamp() - _SLACK <= at <= execution.finished.timestamp() + _SLACK
