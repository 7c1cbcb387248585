"""Whether an unattributed process may act for an attack: an older process, which the attack contacted, started it."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from harness.model.manifest import Manifest
from harness.telemetry.attribution.contacts import Contact, normal, read_contacts
from harness.telemetry.attribution.moments import UNSET, Image
from harness.telemetry.attribution.processes import BEFORE, Process
from harness.telemetry.readers.alive_processes import Resident
from harness.telemetry.readers.audit_log import AuditEvent
from harness.telemetry.schema import ambiguous, sql_time

# They pass requests on to other processes.
_FORWARD = {"dbus-daemon", "dbus-broker", "dbus-broker-lau", "systemd", "dockerd", "containerd", "podman", "crio"}
# Every minute they start what lies in their folders, and an attack may have put it there (cron(8), atd(8)).
_SCHEDULERS = {"cron", "crond", "anacron", "fcron", "atd"}
_MINUTE = 61.0
_SLACK = 0.05


@dataclass
class Residents:
    """The residents of one recording, and the contacts of attacks. Older recordings have none."""

    manifest: Manifest
    all: list[Resident] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.all = [replace(resident, asked_at=frozenset(map(normal, resident.asked_at))) for resident in self.all]
        self._ours = {place for resident in self.all if resident.ours for place in resident.asked_at}
        ports = {place for resident in self.all for place in resident.asked_at}
        own = set(self.manifest.host.addresses)
        # a port that no resident has may have been opened since; a port of another machine starts nothing here
        self.contacts = [
            contact
            for contact in self.contacts
            if contact.place not in self._ours
            and (not contact.place.startswith("tcp:") or contact.place in ports or _is_here(contact.address, own))
        ]
        self._schedulers = {resident.pid for resident in self.all if resident.name in _SCHEDULERS}

    @property
    def known(self) -> bool:
        """Whether residents were recorded."""
        return bool(self.all)

    def asked_of(self, process: Process, at: float) -> str:
        """As `asked`, for a process of the log."""
        line = list(process.line_of_descent())
        pids = [ancestor.pid for ancestor in line if ancestor.resident]  # the same pid later is another process
        return self.asked(at, pids or [line[-1].ppid])

    def asked(self, at: float, line: Iterable[int]) -> str:
        """The slice of what an unattributed process does at a moment; empty where no attack can have requested it.

        `line` are the pids of its ancestors.
        """
        above = set(line)
        for contact in reversed(self.contacts):
            if contact.at <= at + _SLACK and self._can_reach(contact, at, above):
                return ambiguous(contact.atomic)
        return ambiguous(self._around(at)) if above & self._schedulers and self._around(at) else ""

    def asked_at(self, place: str, at: float) -> bool:
        """Whether the running attack contacted a place, or a path that no resident is known to have."""
        places = {c.place for c in self.contacts if c.atomic == self._running(at) and c.at <= at + _SLACK}
        unknown = places - {known for resident in self.all for known in resident.asked_at}
        return normal(place) in places or any(path.startswith("/") for path in unknown)

    def _can_reach(self, contact: Contact, at: float, above: set[int]) -> bool:
        there = [resident for resident in self.all if contact.place in resident.asked_at]
        forwards = not there or any(resident.name in _FORWARD for resident in there)
        if forwards and self._running(at) == contact.atomic:
            return True
        return bool(above & {resident.pid for resident in there if resident.pid > 1})

    def _running(self, at: float) -> str:
        return self._in(at, 0.0)

    def _around(self, at: float) -> str:
        """The atomic whose attack runs, or ended within the last minute."""
        return self._running(at) or self._in(at, _MINUTE)

    def _in(self, at: float, longer: float) -> str:
        for detonation in reversed(self.manifest.detonations):
            attack = detonation.attack
            if attack and attack.started.timestamp() <= at <= attack.finished.timestamp() + longer + _SLACK:
                return detonation.atomic
        return ""


def read_residents(
    manifest: Manifest, alive: list[Resident], events: Iterable[AuditEvent], sessions: Mapping[int, str]
) -> Residents:
    """The residents of a recording, and the contacts of attacks in its audit log, by the slices of its sessions."""
    return Residents(manifest, alive, read_contacts(events, sessions, f"/{manifest.run_id}/") if alive else [])


def processes_of(alive: Iterable[Resident]) -> list[Process]:
    """The residents as `Process`, oldest first, each with its parent where that is listed."""
    processes: dict[int, Process] = {}
    for resident in sorted(alive, key=lambda resident: (resident.started, resident.pid)):
        session, parent = UNSET if resident.session is None else resident.session, processes.get(resident.parent)
        processes[resident.pid] = process = Process(
            resident.pid,
            resident.parent,
            session,
            int(resident.started * 1000),
            BEFORE,
            parent=parent,
            inherited=parent.image() if parent else None,
            contained=resident.contained,
            resident=True,
        )
        started = sql_time(resident.started) or ""
        process.images.append(
            (0, Image(resident.pid, resident.parent, resident.path, _name(resident), "", started, "", session))
        )
    return list(processes.values())


def _is_here(address: str, own: Collection[str]) -> bool:
    """Whether an IP address is this machine's: its own, loopback, or unspecified."""
    if not address:
        return False
    known = ipaddress.ip_address(address)
    return address in own or known.is_loopback or known.is_unspecified


def _name(resident: Resident) -> str:
    return resident.path.rpartition("/")[2] or resident.name
