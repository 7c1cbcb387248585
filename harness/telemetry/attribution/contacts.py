"""Where attacks asked processes for something that these then did: Unix sockets, TCP ports and FIFOs.

A process that was there before does what somebody asked of it, and none of the kernel's records says for whom. What is
recorded is that an attack connected to it, or opened its FIFO to write: audit records of connect and open (SOCKADDR:
`struct sockaddr`, in hex).
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.model.manifest import HARNESS
from harness.recording.audit_records import CONNECTS, OPENS, as_written
from harness.telemetry.attribution.moments import UNSET
from harness.telemetry.readers.audit_log import AuditEvent, Record, decode, number, system_call

_CONNECTS = as_written(CONNECTS)
# By the place of their flags among the arguments.
_OPENS = {(f"{arch:x}", str(call)): flags for arch, calls in OPENS.items() for call, flags in calls.items()}
_UNIX, _INET = b"\x01\x00", (b"\x02\x00", b"\x0a\x00")  # families (IPv4 and IPv6), of a machine that is little-endian
_IN_PROGRESS = "-115"  # EINPROGRESS, of a socket that does not block
_FIFO = re.compile(r"0?01[0-7]{4}")  # the mode of a PATH record, in octal: a kind of file, and permissions
# Names and logs are looked up and written there; nothing is started for anybody.
_HARMLESS = tuple(
    "/run/systemd/userdb/ /run/systemd/journal/ /run/systemd/resolve /run/systemd/notify /run/nscd/ /dev/log"
    " /var/lib/sss/pipes/".split()
)
# proc(5): the root of a process, by which any path has further names; and what a process has open.
_ROOT = re.compile(r"(?:/proc/(?:\d+|self|thread-self)(?:/task/\d+)?/root(?![^/]))+")
_OPEN = re.compile(r"/dev/(?:fd/\d+|std(?:in|out|err))|/proc/(\d+|self|thread-self)(?:/task/\d+)?/fd/\d+")


@dataclass(frozen=True)
class Contact:
    """An attack's process asked at a place, at a moment (seconds, epoch). Places are as in `raw/alive.jsonl`.

    `address` is the IP address of a port; empty for any other place.
    """

    at: float
    atomic: str
    place: str
    address: str = ""


def read_contacts(events: Iterable[AuditEvent], sessions: Mapping[int, str], own: str) -> list[Contact]:
    """The contacts of attacks, by the slices of audit sessions. `own` stands in the paths of Livefire's own sockets."""
    contacts = []
    for event in events:
        call = event.first("SYSCALL")
        if call is None:
            continue
        atomic = sessions.get(number(call.fields.get("ses")) or UNSET, "")
        place = _place(event, call.fields) if atomic not in ("", HARNESS) else ""
        if place and own not in place and not place.startswith(_HARMLESS):
            contacts.append(Contact(event.time / 1000, atomic, place, _machine(event.first("SOCKADDR"))))
    return contacts


def _place(event: AuditEvent, fields: Mapping[str, str]) -> str:
    """Where an event's process asked; empty where it asked nobody."""
    kind = system_call(fields)
    done = fields.get("success") == "yes"
    if kind in _CONNECTS and (done or fields.get("exit") == _IN_PROGRESS):
        return normal(_address(event.first("SOCKADDR")), _cwd(event))
    if kind not in _OPENS or not done or not _flags(event, fields, _OPENS[kind]) & (os.O_WRONLY | os.O_RDWR):
        return ""
    paths = [record.fields for record in event.records if record.type == "PATH"]
    names = [decode(path.get("name", "")) for path in paths if _FIFO.fullmatch(str(path.get("mode")))]
    place = normal(names[0], _cwd(event)) if names else ""
    its = _OPEN.fullmatch(place)
    return "" if its and its[1] in (None, "self", "thread-self", fields.get("pid")) else place


def _flags(event: AuditEvent, fields: Mapping[str, str], place: str) -> int:
    """Those of an open. Of openat2 another record has them, in octal; where it is missing, it may be to write."""
    if place:
        return _hex(fields.get(place))
    record = event.first("OPENAT2")
    text = record and record.fields.get("oflag")
    return int(text, 8) if text and re.fullmatch("[0-7]{1,22}", text) else os.O_RDWR


def _hex(text: str | None) -> int:
    return int(text, 16) if text and re.fullmatch("[0-9a-f]{1,16}", text) else 0


def _address(record: Record | None) -> str:
    address = _socket_address(record)
    family, payload = address[:2], address[2:]
    if family == _UNIX:
        return f"@{payload[1:].decode(errors='replace')}" if payload[:1] == b"\0" else _text(payload)
    return f"tcp:{int.from_bytes(payload[:2])}" if family in _INET and len(payload) > 1 else ""


def _machine(record: Record | None) -> str:
    """The IP address that was connected to, one of IPv4 as such; empty where none was."""
    address = _socket_address(record)
    family, port_and_rest = address[:2], address[2:]
    if family == _INET[0] and len(port_and_rest) >= 6:
        return str(ipaddress.IPv4Address(port_and_rest[2:6]))
    if family == _INET[1] and len(port_and_rest) >= 22:
        ip = ipaddress.IPv6Address(port_and_rest[6:22])
        return str(ip.ipv4_mapped or ip)
    return ""


def _socket_address(record: Record | None) -> bytes:
    try:
        return bytes.fromhex(record.fields["saddr"]) if record else b""
    except (ValueError, KeyError):
        return b""


def _text(name: bytes) -> str:
    return name.partition(b"\0")[0].decode(errors="replace")


def _cwd(event: AuditEvent) -> str:
    record = event.first("CWD")
    return decode(record.fields.get("cwd", "")) if record else ""


def normal(place: str, cwd: str = "") -> str:
    """A path without what the file system adds to it: `/var/run` is `/run`, and so is `/proc/self/root/run`."""
    if not place or place.startswith(("@", "tcp:")):
        return place
    path = os.path.normpath(Path(cwd) / place)
    if root := _ROOT.match(path):
        path = path[root.end() :] or "/"
    return path.removeprefix("/var") if path.startswith("/var/run/") else path
