"""Where attacks sent requests to other processes: Unix sockets, TCP ports and FIFOs.

When an older process acts on a request, no record of the kernel says for whom. But audit records of connect and open
show that an attack connected to it, or opened its FIFO to write (SOCKADDR: `struct sockaddr`, in hex).
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
# The field that holds the flags of each open.
_OPENS = {(f"{arch:x}", str(call)): flags for arch, calls in OPENS.items() for call, flags in calls.items()}
_UNIX, _INET = b"\x01\x00", (b"\x02\x00", b"\x0a\x00")  # families (IPv4 and IPv6), little-endian
_IN_PROGRESS = "-115"  # EINPROGRESS, from a non-blocking socket
_FIFO = re.compile(r"0?01[0-7]{4}")  # the mode of a PATH record, in octal: a kind of file, and permissions
# Processes look up names and write logs there. Nothing is started on request.
_HARMLESS = tuple(
    "/run/systemd/userdb/ /run/systemd/journal/ /run/systemd/resolve /run/systemd/notify /run/nscd/ /dev/log"
    " /var/lib/sss/pipes/".split()
)
# proc(5): the root of a process, by which any path has further names; and what a process has open.
_ROOT = re.compile(r"(?:/proc/(?:\d+|self|thread-self)(?:/task/\d+)?/root(?![^/]))+")
_OPEN = re.compile(r"/dev/(?:fd/\d+|std(?:in|out|err))|/proc/(\d+|self|thread-self)(?:/task/\d+)?/fd/\d+")


@dataclass(frozen=True)
class Contact:
    """A process of an attack contacted a place at a moment (seconds, epoch). Places are as in `raw/alive.jsonl`.

    `address` is the IP address of a port; empty for any other place.
    """

    at: float
    atomic: str
    place: str
    address: str = ""


def read_contacts(events: Iterable[AuditEvent], sessions: Mapping[int, str], own: str) -> list[Contact]:
    """The contacts of attacks, by the slices of audit sessions. Paths of Livefire's own sockets contain `own`."""
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
    """The place that the process of an event contacted; empty for none."""
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
    """The flags of an open. Those of openat2 are in another record, in octal; without it, it may be a write."""
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
    """The IP address of a connect, with mapped IPv4 as IPv4; empty for none."""
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
    """One name for each path: `/var/run` and `/proc/self/root/run` become `/run`."""
    if not place or place.startswith(("@", "tcp:")):
        return place
    path = os.path.normpath(Path(cwd) / place)
    if root := _ROOT.match(path):
        path = path[root.end() :] or "/"
    return path.removeprefix("/var") if path.startswith("/var/run/") else path
