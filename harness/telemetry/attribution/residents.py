"""Whether a process of nobody's may do what an attack asked for: what was there before starts it, and was asked."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from harness.model.manifest import Manifest
from harness.recording.json_lines import parsed, seconds, text, whole
from harness.telemetry.attribution.contacts import Contact, normal, read_contacts
from harness.telemetry.attribution.moments import UNSET, Image
from harness.telemetry.attribution.processes import BEFORE, Process
from harness.telemetry.readers.audit_log import AuditEvent
from harness.telemetry.readers.container_configuration import sql_time
from harness.telemetry.schema import ambiguous

# They have another process do what is asked of them.
_FORWARD = {"dbus-daemon", "dbus-broker", "dbus-broker-lau", "systemd", "dockerd", "containerd", "podman", "crio"}
# They start what lies in their folders, which anybody may have put there, by the minute (cron(8), atd(8)).
_SCHEDULERS = {"cron", "crond", "anacron", "fcron", "atd"}
_MINUTE = 61.0
_SLACK = 0.05


@dataclass(frozen=True)
class Resident:
    """A process that was there when the capture began (`raw/alive.jsonl`); `started` in seconds, epoch."""

    pid: int
    parent: int
    started: float
    name: str
    path: str
    session: int | None
    contained: bool
    ours: bool
    asked_at: frozenset[str]


@dataclass
class Residents:
    """Answers for one recording; of an older one, in which nobody looked, nothing is known."""

    manifest: Manifest
    all: list[Resident] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ours = {place for each in self.all if each.ours for place in each.asked_at}
        ports = {place for each in self.all for place in each.asked_at}
        own = set(self.manifest.host.addresses)
        # a port that nobody has here may have been opened since; on another machine it starts nothing on this one
        self.contacts = [
            each
            for each in self.contacts
            if each.place not in self._ours
            and (not each.place.startswith("tcp:") or each.place in ports or _is_here(each.address, own))
        ]
        self._schedulers = {each.pid for each in self.all if each.name in _SCHEDULERS}

    @property
    def known(self) -> bool:
        """Whether somebody looked."""
        return bool(self.all)

    def asked_of(self, process: Process, at: float) -> str:
        """As `asked`, of a process of the log."""
        line = list(process.line_of_descent())
        pids = [each.pid for each in line if each.resident]  # another with that pid is another process
        return self.asked(at, pids or [line[-1].ppid])

    def asked(self, at: float, line: Iterable[int]) -> str:
        """The slice of what a process of nobody's does at a moment: empty where no attack can have asked for it.

        `line` are the pids of those that it descends from.
        """
        above = set(line)
        for contact in reversed(self.contacts):
            if contact.at <= at + _SLACK and self._can_reach(contact, at, above):
                return ambiguous(contact.atomic)
        return ambiguous(self._around(at)) if above & self._schedulers and self._around(at) else ""

    def asked_at(self, place: str, at: float) -> bool:
        """Whether an attack that runs has asked at a place, or by a path of which nobody knows where it leads."""
        asked = {c.place for c in self.contacts if c.atomic == self._running(at) and c.at <= at + _SLACK}
        unknown = asked - {known for each in self.all for known in each.asked_at}
        return normal(place) in asked or any(each.startswith("/") for each in unknown)

    def _can_reach(self, contact: Contact, at: float, above: set[int]) -> bool:
        there = [each for each in self.all if contact.place in each.asked_at]
        forwards = not there or any(each.name in _FORWARD for each in there)
        if forwards and self._running(at) == contact.atomic:
            return True
        return bool(above & {each.pid for each in there if each.pid > 1})

    def _running(self, at: float) -> str:
        return self._in(at, 0.0)

    def _around(self, at: float) -> str:
        """The attack that runs, or that has ended within the last minute."""
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
    """Those of a recording, and what its audit log tells that attacks asked of them, by the slices of its sessions."""
    return Residents(manifest, alive, read_contacts(events, sessions, f"/{manifest.run_id}/") if alive else [])


def processes_of(alive: Iterable[Resident]) -> list[Process]:
    """The processes that were there, for the memory of processes. Each has a parent that was there before it."""
    found: dict[int, Process] = {}
    for each in sorted(alive, key=lambda each: (each.started, each.pid)):
        session, parent = UNSET if each.session is None else each.session, found.get(each.parent)
        found[each.pid] = process = Process(
            each.pid,
            each.parent,
            session,
            int(each.started * 1000),
            BEFORE,
            parent=parent,
            inherited=parent.image() if parent else None,
            contained=each.contained,
            resident=True,
        )
        started = sql_time(each.started) or ""
        process.images.append((0, Image(each.pid, each.parent, each.path, _name(each), "", started, "", session)))
    return list(found.values())


def read_alive(lines: Iterable[str]) -> list[Resident]:
    """The processes of `raw/alive.jsonl`; lines that are none are passed over."""
    return [found for line in lines if (found := _read(line)) is not None]


def _is_here(address: str, own: Collection[str]) -> bool:
    """Whether an IP address is this machine's: one of its own, or one that is every machine's for itself."""
    if not address:
        return False
    known = ipaddress.ip_address(address)
    return address in own or known.is_loopback or known.is_unspecified


def _read(line: str) -> Resident | None:
    try:
        item = parsed(line)
        session = item["session"]
        return Resident(
            pid=whole(item["pid"]),
            parent=whole(item["parent"]),
            started=seconds(item["started"]),
            name=text(item["name"]),
            path=text(item["path"]),
            session=None if session is None else whole(session),
            contained=item["contained"] is True,
            ours=item["ours"] is True,
            asked_at=frozenset(normal(text(each)) for each in item["asked_at"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _name(resident: Resident) -> str:
    return resident.path.rpartition("/")[2] or resident.name
